"""What each latent does: traversal.png and traversal.npz, one latent a row, from low to high.

Each row is named after its latent and the example's own value of it, to which the marked one is
nearest.

Example:
  {prog} runs/digits-1 --example 3 --latents 0 5 --low -3 --high 3
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import tyro

from vae_jax import evaluate
from vae_jax.checks import check_count, seeded
from vae_jax.cli import command
from vae_jax.cli.options import Numbers
from vae_jax.cli.output import check_place, pictured, save
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs import load_run
from vae_jax.runs.pictures import most_active, read_of, save_traversal, traversals


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax traverse",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_traverse, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _traverse(
    run: tyro.conf.Positional[Path],
    latents: Numbers = (),
    latent: str | None = None,
    example: int = 0,
    low: float = -2.5,
    high: float = 2.5,
    steps: int = 11,
    seed: int = 0,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Traverse.

    Args:
      run: The run folder.
      latents: Dimensions of z; by default the most active ones, at most eight.
      latent: Of a model with several, which of them; by default the first by name. The others
        follow, as the prior has them.
      example: The test example whose posterior mean gives the other dimensions of z; of a model
        with several latents, those of the one that is moved.
      low: Where a row begins.
      high: Where it ends.
      steps: Examples in a row.
      seed: Of what is drawn for want of a mean.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default traversal.png in the run folder.
    """
    check_place(out)
    check_count("steps", steps)
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    test, key = found.experiment.examples.load().test, seeded(seed)
    if not 0 <= example < size_of(test):
        raise ValueError(f"--example must be in 0 .. {size_of(test) - 1}; got {example}.")
    evaluate.check_conditions(found.model, found.params, test)
    dimensions = list(latents) or most_active(found.experiment, found.params, test, key, latent)
    one = jax.tree.map(lambda leaf: leaf[example : example + 1], test)
    values = np.linspace(low, high, steps)
    made = traversals(found.experiment, found.params, one, dimensions, values, key, latent)
    read = read_of(found.experiment, found.params, jax.tree.map(lambda leaf: leaf[0], one))
    file = save_traversal(pictured(out, run / "traversal"), found.experiment, made, example, read.x)
    x = found.experiment.views.restore(made.x)
    given = {"values": values, "latents": np.asarray(dimensions), "latent": made.latent}
    save(file, x=x, own=made.own, **given)
