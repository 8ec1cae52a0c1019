"""What a trained model makes of test examples: reconstructions.png and reconstructions.npz.

Of a table with missing values the whole of it, filled in, as well (--filled).

Examples:
  {prog} runs/digits-1 --number 16
  {prog} runs/vectors-1 --filled filled.csv
"""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import tyro

from vae_jax import evaluate, generate
from vae_jax.checks import check_count, seeded
from vae_jax.cli import command
from vae_jax.cli.output import check_place, check_table, pictured, save, save_table
from vae_jax.cli.terminal import say, track
from vae_jax.configs.experiment import Gaps
from vae_jax.generate import Read
from vae_jax.runs import Run, load_run
from vae_jax.runs.pictures import read_of, save_reconstructions


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "vae_jax reconstruct",
    configs: command.Configs = None,
) -> int:
    """The command line; returns the exit status."""
    return command.run(_reconstruct, arguments, prog, (__doc__ or "").format(prog=prog), configs)


def _reconstruct(
    run: tyro.conf.Positional[Path],
    number: int = 32,
    draw_z: bool = False,
    draw_x: bool = False,
    filled: Path | None = None,
    importance_samples: int | None = None,
    seed: int = 0,
    epoch: int | None = None,
    data: str | None = None,
    out: Path | None = None,
    configs: command.Configs = None,
) -> None:
    """Reconstruct.

    Args:
      run: The run folder.
      number: Of test examples, from the first.
      draw_z: Draw z from q(z|x), rather than take its mean; where it has none it is drawn anyway.
      draw_x: Draw x from p(x|z), likewise.
      filled: A file, .csv, .parquet or .npz, of all rows of a table with missing numbers, in their
        order, columns of numbers first: those are estimates of E[x_missing | x_observed], the
        others are as they were. Columns that were left out are not there.
      importance_samples: K of these estimates, by default 100.
      seed: Of the draws.
      epoch: Of the checkpoint; by default the best, or the last.
      data: Where the data are now, if they have moved since.
      out: The file; by default reconstructions.png in the run folder.
    """
    check_place(out)
    check_count("number", number)
    samples = 100 if importance_samples is None else importance_samples
    check_count("importance_samples", samples)
    if filled is not None:
        check_table(filled, "--filled")
    elif importance_samples is not None:
        raise ValueError("--importance-samples is of --filled: leave it out, or name the file.")
    found = load_run(run, epoch=epoch, data=data, configs=configs)
    gaps = None if filled is None else _gaps_of(found)
    first = jax.tree.map(lambda leaf: leaf[:number], found.experiment.examples.load().test)
    evaluate.check_conditions(found.model, found.params, first)
    x, c = first["x"], first.get("c")
    made = generate.reconstruct(
        *(found.model, found.params, seeded(seed), x, c),
        draw_z=draw_z,
        draw_x=draw_x,
        progress=track("reconstructions"),
    )
    lacks = read_of(found.experiment, found.params, jax.tree.map(lambda leaf: leaf[0], first))
    read = Read("draw" if draw_z else lacks.z, "draw" if draw_x else lacks.x)
    where = pictured(out, run / "reconstructions")
    path = save_reconstructions(where, found.experiment, x, made, c, read)
    restore = found.experiment.views.restore
    save(path, x=restore(x), made=restore(made))
    if filled is not None and gaps is not None:
        _fill(found, gaps, filled, seed, samples)


def _gaps_of(run: Run) -> Gaps:
    gaps = run.experiment.examples.gaps
    if gaps is None:
        raise ValueError(
            "--filled is of a table with missing values, as `vectors --missing` reads it, and"
            f" nothing is missing of the examples of {run.folder}: leave it out."
        )
    return gaps


def _fill(run: Run, gaps: Gaps, path: Path, seed: int, num_samples: int) -> None:
    """Write the table, and tell how far its numbers can be believed."""
    given = (run.model, run.params, seeded(seed), gaps.rows())
    made = evaluate.impute(*given, num_samples=num_samples, progress=track("missing values"))
    save_table(path, **gaps.filled(made.x))
    count = f"{float(np.median(made.ess)):.1f} count in the median"
    say(f"{path}: {len(made.ess):,} rows; of {num_samples} draws a row {count}")
