"""Score a trained model on its test data, in nats, and write evaluation.json into its run folder.

The evidence lower bound and its parts; log p(x) by importance sampling, with standard errors and
the effective sample size; active units; the mutual information of z and x; bits per dimension.

Examples:
  {prog} runs/digits-1 --importance-samples 1000
  {prog} runs/digits-1 --per-example outliers.csv
"""

from collections.abc import Sequence
from pathlib import Path

import tyro

from vae_jax import hosts
from vae_jax.checks import seeded
from vae_jax.cli import command
from vae_jax.cli.embed import embedding
from vae_jax.cli.output import check_place, check_table, save_table
from vae_jax.cli.terminal import print_scores, say, track
from vae_jax.report import write_report
from vae_jax.runs import load_run
from vae_jax.runs.baselines import with_baselines
from vae_jax.runs.folder import read_status, write_json
from vae_jax.runs.scores import score


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax evaluate",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_evaluate, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _evaluate(
    run: tyro.conf.Positional[Path],
    importance_samples: int | None = None,
    epoch: int | None = None,
    seed: int = 0,
    data: str | None = None,
    per_example: Path | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Score.

    Args:
      run: The run folder.
      importance_samples: K of log p(x); by default the config's.
      epoch: Of the checkpoint; by default the best, or the last.
      seed: Of the draws.
      data: Where the data are now, if they have moved since.
      per_example: A file, .npz, .csv or .parquet, of the same numbers of every test example, in
        their order: the bound, its distortion and rate, log p(x) with its Monte Carlo standard
        error and effective sample size, nats; and beside them the embedding, as of `embed`.
      out: The file of the numbers; by default evaluation.json in the run folder, in the place of
        what is there.
    """
    check_place(out)
    if per_example is not None:
        check_table(per_example, "--per-example")
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    check_place(out or run / "evaluation.json")
    experiment, params, key = found.experiment, found.params, seeded(seed)
    loaded = experiment.examples.load()
    scores = score(experiment, loaded.test, params, key, track("log p(x)"), importance_samples)
    numbers = with_baselines(scores.numbers, experiment, loaded, params)
    numbers = {"epoch": found.epoch, **numbers}
    print_scores(numbers, read_status(run))
    write_json(out or run / "evaluation.json", numbers)
    if out is None:
        hosts.agreed(lambda: str(write_report(run)))
    if per_example is not None:
        columns = {**scores.each, **embedding(found, loaded.test, loaded.labels, seed)}
        save_table(per_example, **columns)
        say(str(per_example))
