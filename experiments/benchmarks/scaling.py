"""A training step of ours against the sizes it depends on, and what comes before the first one.

python -m experiments.benchmarks.scaling

The importance-weighted autoencoder of Burda et al. with k = 1 and batches of 20 is the base; each
group changes one thing about it, and its settings take turns, so that a number times the base's is
a ratio of times measured next to each other. Several seeds are one vmap over `train_epoch`: their
step is a step of each of them, and their examples are those of all.
"""

import math
import statistics
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import tyro

from experiments.benchmarks import startup
from experiments.benchmarks.cases import CASES, Case
from experiments.benchmarks.contest import Record, Turn, ratio
from experiments.benchmarks.jax_side import library, seeds
from experiments.benchmarks.machine import machine, operations
from experiments.benchmarks.results import save

_FEWEST, _MOST = 3, 400  # steps of a turn
_PAUSE = 0.1  # seconds before a turn, in which the threads of the last one come to an end


class Setting(NamedTuple):
    """What is trained: a case, and how many of it at once."""

    case: Case
    seeds: int = 1


BASE = Setting(CASES["iwae k=1"])
Group = dict[int, Setting]
Row = dict[str, Any]


def groups(base: Setting = BASE) -> dict[str, Group]:
    """The settings: for each group, what the number that it changes becomes."""

    case = base.case
    return {
        "batch": {n: Setting(case._replace(batch=n)) for n in (20, 100, 500)},
        "k": {n: Setting(case._replace(draws=n)) for n in (1, 5, 50)},
        "width": {n: Setting(case._replace(encoder=(n, n), decoder=(n, n))) for n in (200, 800)},
        "latents": {n: Setting(case._replace(latent=n)) for n in (10, 50, 200)},
        "seeds": {n: base._replace(seeds=n) for n in (1, 2, 4, 8)},
    }


def main(
    rounds: int = 5,
    operations_a_turn: float = 2e10,
    startup_rounds: int = 3,
    out: Path = Path("results/scaling.json"),
) -> None:
    """Time a training step in many sizes.

    Args:
      rounds: Turns of each setting, after one to warm up.
      operations_a_turn: Additions and multiplications; they decide how many steps a turn has.
      startup_rounds: Processes that import or compile the same thing.
      out: File of all that was measured.
    """
    start, rows = time.perf_counter(), []
    print(_heading(rounds))
    for name, group in groups().items():
        rows += measure(name, group, rounds, operations_a_turn)
        print("\n".join(line(row) for row in rows if row["group"] == name), "\n", flush=True)
    imports = startup.imports(startup_rounds)
    print(_startup("import, a whole process:", imports), "\n", flush=True)
    compilations = startup.compilations(startup_rounds)
    print(_startup("compiling an epoch, the first call less the second:", compilations), "\n")
    save(out, "scaling", {"rows": rows, "imports": imports, "compilations": compilations})
    print(f"{time.perf_counter() - start:.0f} s; {out}")


def measure(
    name: str, group: Group, rounds: int, operations_a_turn: float, base: Setting = BASE
) -> list[Row]:
    """The settings of a group in turn, each beside the base, which is one of them."""
    steps = {setting: steps_of(setting, operations_a_turn) for setting in group.values()}
    records = in_turn({setting: turns(setting, n) for setting, n in steps.items()}, rounds, steps)
    return [
        {"group": name, "number": n, "steps": steps[setting]}
        | _measured(setting, records[setting], base, records[base])
        for n, setting in group.items()
    ]


def steps_of(setting: Setting, operations_a_turn: float) -> int:
    """How many steps have about so many operations; at least a few."""
    wanted = operations_a_turn / (setting.seeds * operations(setting.case))
    return min(max(math.ceil(wanted), _FEWEST), _MOST)


@cache
def turns(setting: Setting, steps: int) -> Turn:
    """Turns of a setting, which goes on training from turn to turn."""
    case, number = setting
    return library(case, steps) if number == 1 else seeds(case, steps, number)


def in_turn(
    turns: Mapping[Setting, Turn], rounds: int, steps: Mapping[Setting, int]
) -> dict[Setting, Record]:
    """Seconds of a step, a turn of each to warm up and then a number for each round."""
    seconds: dict[Setting, list[float]] = {setting: [] for setting in turns}
    losses: dict[Setting, list[float]] = {setting: [] for setting in turns}
    for _ in range(1 + rounds):
        for setting, turn in turns.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            losses[setting].append(turn())
            seconds[setting].append((time.perf_counter() - start) / steps[setting])
    return {s: Record(tuple(seconds[s][1:]), tuple(losses[s][1:])) for s in turns}


def _measured(setting: Setting, record: Record, base: Setting, beside: Record) -> Row:
    median, times = statistics.median(record.seconds), ratio(record, beside) or math.nan
    examples, count = _examples(setting), setting.seeds * operations(setting.case)
    return {
        "seconds": median,
        "seconds_an_example": median / examples,
        "times_base": times,
        "times_base_an_example": times * _examples(base) / examples,
        "operations": count,
        "gflops": count / median / 1e9,
        "loss": record.values[-1],
        "every_seconds": record.seconds,
        "every_loss": record.values,
    }


def _examples(setting: Setting) -> int:
    return setting.seeds * setting.case.batch


def _heading(rounds: int) -> str:
    about, case = machine(), BASE.case
    return "\n".join(
        [
            f"{about['processor']}, {about['threads']} threads, {jax.devices()[0]}; medians of"
            f" {rounds} rounds",
            f"base: batches of {case.batch}, k = {case.draws}, layers of {case.encoder[0]},"
            f" {case.latent} latents, one seed",
            "",
            f"{'':12}{'a step':>12}{'times':>9}{'an example':>13}{'times':>9}{'':>10}",
            f"{'':12}{'us':>12}{'base':>9}{'us':>13}{'base':>9}{'GFLOP/s':>10}",
        ]
    )


def line(row: Row) -> str:
    return (
        f"{row['group']:8}{row['number']:4}{1e6 * row['seconds']:12,.0f}{row['times_base']:9.2f}"
        f"{1e6 * row['seconds_an_example']:13,.1f}{row['times_base_an_example']:9.2f}"
        f"{row['gflops']:10.1f}"
    )


def _startup(title: str, rows: list[Row]) -> str:
    lines = (f"  {row['name']:20}{row['seconds']:8.2f} s" for row in rows)
    return "\n".join([title, *lines])


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.scaling"))
