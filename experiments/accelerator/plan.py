"""The rows of published numbers, in the order of their worth, and which of them are not run yet."""

from pathlib import Path

import jax

from experiments.accelerator.task import Json, Task
from experiments.benchmarks.contest import ROOT
from experiments.papers.iwae import results
from experiments.papers.iwae.cells import Cell
from experiments.papers.iwae.protocols import Settings, make_settings
from experiments.papers.iwae.rows import ROWS

SEEDS = (0, 1, 2)
ROUTINE = (
    "dynamic-1-iwae-5",
    "dynamic-1-iwae-5-dreg",
    "dynamic-2-vae-1",
    "dynamic-2-iwae-5",
    "fixed-1-iwae-5",
    "fixed-2-vae-1",
    "fixed-2-iwae-5",
    "dynamic-1-vae-5",
    "dynamic-2-vae-5",
    "dynamic-2-iwae-5-dreg",
)
COSTLY = (  # of one seed, until every row has its first
    "dynamic-1-iwae-50",
    "dynamic-1-piwae-8-8",
    "dynamic-1-iwae-64",
    "dynamic-1-miwae-8-8",
    "dynamic-1-ciwae-64-0.05",
    "dynamic-1-ciwae-64-0.5",
    "dynamic-1-vae-64",
    "dynamic-1-iwae-50-dreg",
    "dynamic-2-iwae-50",
    "fixed-1-iwae-50",
    "fixed-2-iwae-50",
    "dynamic-1-vae-50",
    "dynamic-2-vae-50",
    "fixed-1-vae-50",
    "fixed-2-vae-50",
)
LAST = ("fixed-1-vae-5", "fixed-2-vae-5")
_TINY = ("fixed-1-iwae-5", "dynamic-2-iwae-5-dreg", "dynamic-1-iwae-64")
_PLANNED = [
    *((name, SEEDS) for name in ROUTINE),
    *((name, SEEDS[:1]) for name in COSTLY),
    *((name, SEEDS) for name in LAST),
    *((name, SEEDS[1:]) for name in COSTLY),
]

Cells = tuple[Cell, ...]  # of one row, trained at once


def plan(task: Task) -> list[Cells]:
    """What no accelerator has run yet, the most worth first."""
    done = {_identity(cell) for cell in _done(task)}
    found = []
    for name, seeds in _planned(task.dry):
        row = ROWS[name]
        settings = Settings(20, 3, 1e-3) if task.dry else make_settings("short", row)
        wanted = [Cell(row, "short", settings, seed) for seed in seeds]
        missing = tuple(cell for cell in wanted if _identity(cell.identity()) not in done)
        found += [missing] if missing else []
    return found


def name_of(cells: Cells) -> str:
    """The row's name; and the seeds, where the first is not among them."""
    name, seeds = cells[0].row.name, [str(cell.seed) for cell in cells]
    return name if cells[0].seed == SEEDS[0] else f"{name}, seeds {', '.join(seeds)}"


def is_costly(cells: Cells) -> bool:
    """Whether only a few such rows are for one run."""
    return cells[0].row.name in COSTLY


def _planned(dry: bool) -> list[tuple[str, tuple[int, ...]]]:
    if dry:
        return [(name, SEEDS[:1] if name in COSTLY else SEEDS) for name in _TINY]
    return _PLANNED


def _done(task: Task) -> list[Json]:
    """The cells of any accelerator, and of this machine, in the results kept here and in `out`."""
    paths = {path.resolve() for path in (ROOT / "results/iwae.json", Path(task.out) / "iwae.json")}
    here = jax.devices()[0].device_kind
    cells = [cell for path in sorted(paths) for cell in results.load(path)]
    return [cell for cell in cells if cell["machine"] != "cpu" or here == "cpu"]


def _identity(cell: Json) -> str:
    return str([cell[name] for name in ("row", "protocol", "seed", "settings")])
