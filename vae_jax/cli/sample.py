"""Draw new examples from a trained model: samples.png and samples.npz.

Examples:
  {prog} runs/digits-1
  {prog} runs/digits-1 --number 64 --temperature 0.7 --out seventy.png
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import tyro

from vae_jax import generate
from vae_jax.checks import check_count
from vae_jax.cli import command
from vae_jax.cli.options import Numbers
from vae_jax.cli.output import save
from vae_jax.runs import load_run
from vae_jax.runs.pictures import save_samples


def main(arguments: Sequence[str] | None = None, prog: str = "vae_jax sample") -> int:
    """The command line; returns the exit status."""
    return command.run(_sample, arguments, prog, (__doc__ or "").format(prog=prog))


def _sample(
    run: tyro.conf.Positional[Path],
    number: int = 100,
    temperature: float = 1.0,
    draw: bool = False,
    label: Numbers = (),
    seed: int = 0,
    epoch: int | None = None,
    out: Path | None = None,
) -> None:
    """Sample.

    Args:
      run: The run folder.
      number: Of samples.
      temperature: T: z is drawn from N(0, T^2) for a standard Gaussian prior.
      draw: Draw x from p(x|z), rather than take its mean.
      label: Of a conditional model: the conditions, in turn; by default 0 to 9.
      seed: Of the draws.
      epoch: Of the checkpoint; by default the best, or the last.
      out: The file; by default samples.png in the run folder.
    """
    check_count("number", number)
    found = load_run(run, epoch=epoch)
    c = _conditions("c" in found.config["example"], label, number)
    draw = draw or found.experiment.text is not None
    x = generate.sample(
        *(found.model, found.params, jax.random.key(seed), number, c),
        draw=draw,
        temperature=temperature,
    )
    path = save_samples(out or run / "samples", found.experiment, x, c)
    save(path, x=x, **({} if c is None else {"c": c}))


def _conditions(conditional: bool, label: tuple[int, ...], number: int) -> jax.Array | None:
    if not conditional:
        if label:
            raise ValueError("The model takes no condition: leave --label out.")
        return None
    return jnp.resize(jnp.asarray(label or range(10)), (number,))
