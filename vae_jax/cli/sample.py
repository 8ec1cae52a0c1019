"""Draw new examples from a trained model: samples.png and samples.npz.

Examples:
  {prog} runs/digits-1
  {prog} runs/digits-1 --number 64 --temperature 0.7 --out seventy.png
  {prog} runs/text-1 --lengths 10 20
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from vae_jax import generate
from vae_jax.checks import check_count, seeded
from vae_jax.cli import command
from vae_jax.cli.options import Numbers
from vae_jax.cli.output import check_place, pictured, save
from vae_jax.cli.terminal import track
from vae_jax.evaluate.conditions import check_conditions, num_labels
from vae_jax.runs import Run, load_run
from vae_jax.runs.conditions import conditions, drawn_lengths, is_label
from vae_jax.runs.load import shapes_of
from vae_jax.runs.pictures import read_of, save_samples
from vae_jax.types import Array, Batch, Event, Key


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax sample",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_sample, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _sample(
    run: tyro.conf.Positional[Path],
    number: int = 100,
    temperature: float = 1.0,
    draw_x: bool = False,
    label: Numbers = (),
    lengths: Numbers = (),
    seed: int = 0,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Sample.

    Args:
      run: The run folder.
      number: Of samples.
      temperature: T: z is drawn from N(0, T^2) for a standard Gaussian prior.
      draw_x: Draw x from p(x|z), rather than take its mean; where it has none it is drawn anyway.
      label: Of a model of labels: the conditions, in turn; by default 0 to 9, or as many as
        there are. (Other conditions, such as masks, are those of the first test examples.)
      lengths: Of a model of lines: how long the samples are, in turn; by default drawn from the
        lengths of the training lines.
      seed: Of the draws.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since and conditions are read from them.
      out: The file; by default samples.png in the run folder.
    """
    check_place(out)
    check_count("number", number)
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    example = shapes_of(found.config["example"])
    key = seeded(seed)
    if found.experiment.views.lengths:
        c = _lengths(found, label, lengths, number, key)
    else:
        c = _conditions(found, example, label, lengths, number)
    x = generate.sample(
        *(found.model, found.params, key, number, c),
        draw_x=draw_x,
        temperature=temperature,
        progress=track("samples"),
    )
    read = "draw" if draw_x else read_of(found.experiment, found.params, example).x
    note = "" if temperature == 1 else f" at temperature {temperature:g}"
    path = save_samples(pictured(out, run / "samples"), found.experiment, x, c, read, note)
    save(path, x=found.experiment.views.restore(x), c=c)


def _lengths(
    found: Run,
    label: tuple[int, ...],
    asked: tuple[int, ...],
    number: int,
    key: Key,
) -> Array:
    if label:
        raise ValueError("The model takes lengths, and no labels: ask for them by --lengths.")
    counts = found.experiment.views.lengths
    if not asked:
        return drawn_lengths(counts, key, number)
    most = len(counts) - 1
    if not all(0 < length <= most for length in asked):
        raise ValueError(f"--lengths must be in 1 .. {most}, the longest line; got {asked}.")
    return jnp.resize(jnp.asarray(asked, jnp.int32), (number,))


def _conditions(
    found: Run, example: Batch, label: tuple[int, ...], lengths: tuple[int, ...], number: int
) -> Event:
    c = example.get("c")
    labels = is_label(c)
    if lengths:
        raise ValueError("The model is not of lines of several lengths: leave --lengths out.")
    if label and not labels:
        what = "no condition" if c is None else "conditions that are no labels"
        raise ValueError(f"The model takes {what}: leave --label out.")
    if labels:
        zero = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), example)
        asked = label or range(min(10, num_labels(found.model, found.params, zero)) or 1)
        x = jax.tree.map(lambda leaf: np.repeat(leaf[None], len(asked), axis=0), zero["x"])
        check_conditions(found.model, found.params, {"x": x, "c": np.asarray(asked)})
        return jnp.resize(jnp.asarray(asked), (number,))
    return None if c is None else conditions(found.experiment.examples.load().test, number)
