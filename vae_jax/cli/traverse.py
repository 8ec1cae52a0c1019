"""What each latent does: traversal.png and traversal.npz, one latent a row, from low to high.

Example:
  {prog} runs/digits-1 --example 3 --latents 0 5 --low -3 --high 3
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import tyro

from vae_jax.checks import check_count
from vae_jax.cli import command
from vae_jax.cli.options import Numbers
from vae_jax.cli.output import save
from vae_jax.runs import load_run
from vae_jax.runs.pictures import most_active, save_examples, traversals


def main(arguments: Sequence[str] | None = None, prog: str = "vae_jax traverse") -> int:
    """The command line; returns the exit status."""
    return command.run(_traverse, arguments, prog, (__doc__ or "").format(prog=prog))


def _traverse(
    run: tyro.conf.Positional[Path],
    latents: Numbers = (),
    example: int = 0,
    low: float = -2.5,
    high: float = 2.5,
    steps: int = 11,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
) -> None:
    """Traverse.

    Args:
      run: The run folder.
      latents: Dimensions of z; by default the most active ones, at most eight.
      example: The test example whose posterior mean gives the other latents.
      low: Where a row begins.
      high: Where it ends.
      steps: Examples in a row.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default traversal.png in the run folder.
    """
    check_count("steps", steps)
    found = load_run(run, epoch=epoch, data=data)
    if found.experiment.text is not None:
        raise ValueError("Text has no mean to show between two: see sample and reconstruct.")
    test = found.experiment.load().test
    if not 0 <= example < len(test["x"]):
        raise ValueError(f"--example must be in 0 .. {len(test['x']) - 1}; got {example}.")
    dimensions = list(latents) or most_active(found.experiment, found.params, test)
    one = jax.tree.map(lambda leaf: leaf[example : example + 1], test)
    values = jnp.linspace(low, high, steps)
    images = traversals(found.experiment, found.params, one, dimensions, values)
    title = f"Latents {', '.join(map(str, dimensions))}, one a row, from {low:g} to {high:g}"
    file = save_examples(out or run / "traversal", found.experiment, images, steps, title)
    save(file, x=images, values=values, latents=jnp.asarray(dimensions))
