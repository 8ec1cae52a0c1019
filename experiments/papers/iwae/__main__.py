"""`python -m experiments.papers.iwae`: see `experiments.papers.iwae`."""

import difflib
import fnmatch
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tyro

from experiments.papers import iwae
from experiments.papers.iwae import results
from experiments.papers.iwae.cells import PROGRAM, Cell, run
from experiments.papers.iwae.protocols import make_settings
from experiments.papers.iwae.rows import ROWS, Row
from vae_jax.cli import command
from vae_jax.cli.signals import Signals, handled
from vae_jax.cli.terminal import track

Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return command.run(reproduce, arguments, PROGRAM, iwae.__doc__ or "")


def reproduce(
    rows: tyro.conf.Positional[tuple[str, ...]] = (),
    protocol: str = "short",
    seeds: tuple[int, ...] = (0,),
    raw: Path | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    average: float | None = None,
    runs: Path = Path("runs/iwae"),
    out: Path = Path("results/iwae.json"),
    table: bool = False,
) -> int:
    """Run cells, or print the table of those that were run.

    Args:
      rows: Names, or patterns of names such as 'dynamic-1-*'; --table shows them all.
      protocol: paper (3,280 passes in batches of 20) or short.
      seeds: Of the parameters' first values and of everything drawn.
      raw: Folder of the raw files, or one with the subfolders mnist and static_mnist.
      epochs: Passes over the training images, in the place of the protocol's.
      batch_size: Images a step, in the place of the protocol's.
      learning_rate: At the start, in the place of the protocol's.
      average: Decay of the parameters' average, in the place of the protocol's; 0 for none.
      runs: Folder of the cells' folders.
      out: The file of finished cells.
      table: Print the table of that file, and run nothing.
    """
    if table:
        print(results.table(results.load(out)))
        return 0
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    cells = [
        Cell(row, protocol, make_settings(protocol, row, **given, average=average), seed)
        for seed in seeds
        for row in chosen(rows)
    ]
    with handled() as signals:
        for cell in cells:
            signals.waiting = True
            scoring = partial(_scoring, cell, signals)
            progress = track("log p(x)")
            result = run(cell, raw, runs, _progress(cell), signals.received, scoring, progress)
            if result is None:
                print(f"{cell.name}: interrupted; the same command goes on.", file=sys.stderr)
                return signals.status
            results.merge(out, result)
            print(f"{cell.name}: {summary(result)}", flush=True)
    return 0


def chosen(patterns: Sequence[str]) -> list[Row]:
    """The rows of these names, in order. ValueError where a name or pattern is of none."""
    if not patterns:
        raise ValueError("which rows? --table shows them all; 'dynamic-1-*' is several.")
    for pattern in patterns:
        if not fnmatch.filter(ROWS, pattern):
            near = " or ".join(difflib.get_close_matches(pattern, ROWS, n=3))
            meant = f" Did you mean {near}?" if near else ""
            raise ValueError(f"no row is called {pattern!r}.{meant} --table shows them all.")
    names = dict.fromkeys(name for p in patterns for name in fnmatch.filter(ROWS, p))
    return [ROWS[name] for name in names]


def summary(result: Json) -> str:
    """A result in a line."""
    nll, units = result["nll"], "+".join(map(str, result["active_units"]["numbers"]))
    return (
        f"NLL {nll['value']:.2f} +- {nll['standard_error_over_images']:.2f} over images, -ELBO"
        f" {result['negative_elbo']['value']:.2f}, {units} active units,"
        f" {result['training_seconds'] / 60:.1f} minutes of training"
    )


def _progress(cell: Cell) -> Callable[[Json], None]:
    def report(row: Json) -> None:
        if row["data"] == "train":
            told = f"loss {row['loss']:.3f}, {row['seconds']:.1f} s"
        else:
            told = f"-ELBO of the test images {-row['elbo']:.2f}"
        epoch = f"epoch {row['epoch']} of {cell.settings.epochs}"
        print(f"{cell.name}: {epoch}, {told}", file=sys.stderr, flush=True)

    return report


def _scoring(cell: Cell, signals: Signals) -> None:
    signals.end_waiting()  # training is saved
    print(f"{cell.name}: trained, to be scored: minutes on a CPU", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
