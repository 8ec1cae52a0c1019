"""The latents of each example, as embedding.npz, or as .csv or .parquet (needs pyarrow).

They are the means of the posterior, E[z|x]; where it has none, draws from it.

Examples:
  {prog} runs/digits-1
  {prog} runs/mnist_vae-1 --split train --out latents.parquet
  {prog} runs/images-1 --data other_images/
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import tyro

from vae_jax import evaluate
from vae_jax.checks import seeded
from vae_jax.cli import command
from vae_jax.cli.output import check_table, named, save_table
from vae_jax.cli.terminal import console, track
from vae_jax.configs.experiment import fixed
from vae_jax.runs import Run, load_run
from vae_jax.runs.load import example_of
from vae_jax.types import Batch


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax embed",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_embed, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _embed(
    run: tyro.conf.Positional[Path],
    split: Literal["test", "train"] = "test",
    data: Path | None = None,
    key: str | None = None,
    seed: int = 0,
    epoch: int | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Embed.

    Args:
      run: The run folder.
      split: Which of the run's own data.
      data: Other examples, all of them in their order, of the kind the run was trained on: a folder
        of images, an .npy or .npz, a table.
      key: What the examples of an .npz are called; see `train`.
      seed: Of the draws, of a posterior without a mean.
      epoch: Of the checkpoint; by default the best, or the last.
      out: The file, .npz, .csv or .parquet; by default embedding.npz in the run folder.
    """
    path = out or run / "embedding.npz"
    check_table(path, "--out")
    found = load_run(run, epoch=epoch, configs=configs)
    examples, labels = _own(found, split) if data is None else _other(found, data, key)
    evaluate.check_conditions(found.model, found.params, examples)
    columns = embedding(found, examples, labels, seed)
    save_table(path, **columns)
    shapes = ", ".join(f"{name} {list(leaf.shape)}" for name, leaf in columns.items())
    console.print(f"{path}: {shapes}", soft_wrap=True)


def embedding(run: Run, examples: Batch, labels: Any, seed: int) -> dict[str, np.ndarray]:
    """The latents of each example by name, [N, ...], and labels, [N], where there are some."""
    given = (run.model, run.params, seeded(seed), examples)
    z = evaluate.embeddings(*given, progress=track("latents"))
    return {**named("z", z), **({} if labels is None else {"label": np.asarray(labels)})}


def _own(run: Run, split: str) -> tuple[Batch, Any]:
    loaded = run.experiment.examples.load()
    if split == "test":
        return loaded.test, loaded.labels
    if not isinstance(loaded.train, dict):
        raise ValueError("These training data are streamed: embed their folder, with --data.")
    return fixed(run.experiment.examples.prepare, loaded.train), loaded.train.get("c")


def _other(run: Run, path: Path, key: str | None = None) -> tuple[Batch, Any]:
    if "c" in run.config["example"]:
        raise ValueError("This model needs a condition for each example: --data has none.")
    if not path.exists():
        raise FileNotFoundError(f"There is nothing at {path}.")
    read = run.experiment.examples.others(path, key)
    stored, given = run.config["stored"]["x"], example_of({"x": read.x})["x"]
    if _kind(stored) != _kind(given):
        raise ValueError(
            f"The run was trained on examples of {_show(stored)}, and {path} has {_show(given)}:"
            " convert them."
        )
    return fixed(run.experiment.examples.prepare, jax.device_put({"x": read.x})), read.label


def _kind(form: Any) -> Any:
    """Kind of number and shape of each array; what config.json has as a list was a tuple."""
    if _is_array(form):
        return np.dtype(form["dtype"]).kind, tuple(form["shape"])
    if isinstance(form, dict):
        return {name: _kind(part) for name, part in form.items()}
    return tuple(map(_kind, form))


def _is_array(form: Any) -> bool:
    return isinstance(form, dict) and isinstance(form.get("dtype"), str)


def _show(form: Any) -> str:
    return f"{form['dtype']} {form['shape']}" if _is_array(form) else str(form)
