"""Fit another prior to the latents of a trained model: a new run folder, beside the old numbers.

The model stays as it is, and the prior is fitted to a draw of the posterior of each training
example, or to its codes, of 10,000 where there are more.
Samples, bounds, pictures and report of the new folder are of the new prior; sample, evaluate,
interpolate and the other commands take it as any run.

Examples:
  {prog} runs/digits-1 --fit gaussian_mixture --components 20
  {prog} runs/digits-1 --fit two_stage --out runs/digits-two
  {prog} runs/fashion_vq-1 --fit codes
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from vae_jax import hosts
from vae_jax.cli import command
from vae_jax.cli.terminal import print_scores, say, track
from vae_jax.runs import load_run
from vae_jax.runs.folder import read_config, read_evaluation, read_status
from vae_jax.runs.refit import fit_prior
from vae_jax.samplers import FitOptions


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax prior",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_prior, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _prior(
    run: tyro.conf.Positional[Path],
    options: Annotated[FitOptions, tyro.conf.arg(name="")] = FitOptions(),  # noqa: B008
    seed: int = 0,
    importance_samples: int | None = None,
    pictures: bool = True,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Fit a prior.

    Args:
      run: The run folder.
      options: What is fitted.
      seed: Of the draws.
      importance_samples: K of log p(x); by default the config's.
      pictures: Draw pictures.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The new run folder; by default runs/<name>-<n>.
    """
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    folder = fit_prior(
        found,
        options,
        seed=seed,
        out=out,
        importance_samples=importance_samples,
        pictures=pictures,
        progress=track("log p(x)"),
    )
    files = (read_evaluation, read_status, read_config)
    scores, status, config = hosts.agreed(lambda: [read(folder) for read in files])
    print_scores(scores, status)
    for note in config["notes"][len(found.config.get("notes", [])) :]:
        say(note)
    say(str(folder))
