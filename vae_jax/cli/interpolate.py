"""From one test example to another through the latents: interpolation.png and interpolation.npz.

Each row leads from the posterior mean of one example to that of another (from a draw, where there
is no mean).

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
from vae_jax.checks import seeded
from vae_jax.cli import command
from vae_jax.cli.output import check_place, pictured, save
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs import load_run
from vae_jax.runs.pictures import chosen_latent, of_latent, read_of, save_rows

_PATHS = {"linear": generate.linear, "spherical": generate.spherical}


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax interpolate",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_interpolate, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _interpolate(
    run: tyro.conf.Positional[Path],
    pairs: tuple[int, ...] | None = None,
    steps: int = 10,
    path: Literal["linear", "spherical"] = "linear",
    latent: str | None = None,
    seed: int = 0,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Interpolate.

    Args:
      run: The run folder.
      pairs: Numbers of test examples, two for each row; by default the first ten.
      steps: Examples in a row, the two ends among them.
      path: Along a straight line, or along the arc that keeps the distance to the origin.
      latent: Of a model with several, which of them; by default the first by name. The others
        follow, as the prior has them.
      seed: Of what is drawn for want of a mean.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default interpolation.png in the run folder.
    """
    check_place(out)
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    test, key = found.experiment.examples.load().test, seeded(seed)
    pairs = _checked(pairs, size_of(test))
    evaluate.check_conditions(found.model, found.params, test)
    some = jax.tree.map(lambda leaf: leaf[jnp.asarray(pairs)], test)
    z, name = chosen_latent(evaluate.embeddings(found.model, found.params, key, some), latent)
    c = some.get("c")  # a row keeps the condition of its start
    rows = [
        generate.interpolate(
            *(found.model, found.params, z[i], z[i + 1], steps),
            *(jax.tree.map(lambda leaf, i=i: leaf[i], c),),
            path=_PATHS[path],
            latent=name,
            key=key,
        )
        for i in range(0, len(pairs), 2)
    ]
    x = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *rows)
    title = f"Each row from one test example to another, through the latents{of_latent(name)}"
    read = read_of(found.experiment, found.params, jax.tree.map(lambda leaf: leaf[0], some))
    where = pictured(out, run / "interpolation")
    file = save_rows(where, found.experiment, x, steps, title, read.x)
    save(file, x=found.experiment.views.restore(x), z=z, latent=name)


def _checked(pairs: tuple[int, ...] | None, number: int) -> tuple[int, ...]:
    if pairs is None:
        pairs = tuple(range(min(10, number // 2 * 2)))
    if not pairs or len(pairs) % 2:
        raise ValueError(f"--pairs needs an even number of examples; got {len(pairs)}.")
    if not all(0 <= i < number for i in pairs):
        raise ValueError(f"--pairs are numbers of test examples, 0 to {number - 1}; got {pairs}.")
    return pairs
