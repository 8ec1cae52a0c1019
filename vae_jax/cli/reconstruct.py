"""What a trained model makes of test examples: reconstructions.png and reconstructions.npz.

Example:
  {prog} runs/digits-1 --number 16
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import tyro

from vae_jax import generate
from vae_jax.checks import check_count
from vae_jax.cli import command
from vae_jax.cli.output import save
from vae_jax.runs import load_run
from vae_jax.runs.pictures import save_reconstructions


def main(arguments: Sequence[str] | None = None, prog: str = "vae_jax reconstruct") -> int:
    """The command line; returns the exit status."""
    return command.run(_reconstruct, arguments, prog, (__doc__ or "").format(prog=prog))


def _reconstruct(
    run: tyro.conf.Positional[Path],
    number: int = 32,
    draw: bool = False,
    seed: int = 0,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
) -> None:
    """Reconstruct.

    Args:
      run: The run folder.
      number: Of test examples, from the first.
      draw: Draw z from q(z|x) and x from p(x|z), rather than take the means.
      seed: Of the draws.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default reconstructions.png in the run folder.
    """
    check_count("number", number)
    found = load_run(run, epoch=epoch, data=data)
    first = jax.tree.map(lambda leaf: leaf[:number], found.experiment.load().test)
    draw = draw or found.experiment.text is not None
    key = jax.random.key(seed)
    made = generate.reconstruct(
        found.model, found.params, key, first["x"], first.get("c"), draw=draw
    )
    path = out or run / "reconstructions"
    save(save_reconstructions(path, found.experiment, first["x"], made), x=first["x"], made=made)
