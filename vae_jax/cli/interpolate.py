"""From one test example to another through the latents: interpolation.png and interpolation.npz.

Each row leads from the posterior mean of one example to that of another.

Example:
  {prog} runs/digits-1 --pairs 0 1 2 3 --path spherical
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import tyro

from vae_jax import evaluate, generate
from vae_jax.cli import command
from vae_jax.cli.output import save
from vae_jax.runs import load_run
from vae_jax.runs.pictures import save_examples

_PATHS = {"linear": generate.linear, "spherical": generate.spherical}


def main(arguments: Sequence[str] | None = None, prog: str = "vae_jax interpolate") -> int:
    """The command line; returns the exit status."""
    return command.run(_interpolate, arguments, prog, (__doc__ or "").format(prog=prog))


def _interpolate(
    run: tyro.conf.Positional[Path],
    pairs: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    steps: int = 10,
    path: Literal["linear", "spherical"] = "linear",
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
) -> None:
    """Interpolate.

    Args:
      run: The run folder.
      pairs: Numbers of test examples, two for each row.
      steps: Examples in a row, the two ends among them.
      path: Along a straight line, or along the arc that keeps the distance to the origin.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default interpolation.png in the run folder.
    """
    found = load_run(run, epoch=epoch, data=data)
    if found.experiment.text is not None:
        raise ValueError("Text has no mean to show between two: see sample and reconstruct.")
    test = found.experiment.load().test
    _check(pairs, len(test["x"]))
    some = jax.tree.map(lambda leaf: leaf[jnp.asarray(pairs)], test)
    z = jnp.asarray(evaluate.posterior_means(found.model, found.params, some))
    c = some.get("c")  # a row keeps the condition of its start
    rows = [
        generate.interpolate(
            *(found.model, found.params, z[i], z[i + 1], steps),
            *(None if c is None else c[i],),
            path=_PATHS[path],
        )
        for i in range(0, len(pairs), 2)
    ]
    images = jnp.concatenate(rows)
    title = "Each row from one test example to another, through the latents"
    file = save_examples(out or run / "interpolation", found.experiment, images, steps, title)
    save(file, x=images, z=z)


def _check(pairs: tuple[int, ...], number: int) -> None:
    if not pairs or len(pairs) % 2:
        raise ValueError(f"--pairs needs an even number of examples; got {len(pairs)}.")
    if not all(0 <= i < number for i in pairs):
        raise ValueError(f"--pairs are numbers of test examples, 0 to {number - 1}; got {pairs}.")
