"""A training step of a VAE, ours beside others': how many times as long is theirs?

python -m experiments.benchmarks.training

Everyone trains the same networks on the same pixels with Adam in float32, on all cores. They take
turns, so that what else the machine does meets all alike, and each number is a ratio of times
measured next to each other. Beside them runs what no step can be faster than: its matrix products
alone, as this machine does them. PyTorch and Pythae are in an environment of their own, which
`make peers` makes.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import tyro

from experiments.benchmarks.cases import CASES, CHANCE, Case, Name
from experiments.benchmarks.contest import NOT_RUN, Contest, Contestant, Record, contest, measured
from experiments.benchmarks.machine import machine, operations
from experiments.benchmarks.results import save, versions

OURS, LIMIT = "vae_jax", "matrix products"
_HERE = {OURS: "jax_side", LIMIT: "jax_side", "flax example": "jax_side"}
_PEERS = {
    "PyTorch, eager": "torch_side",
    "PyTorch, compiled": "torch_side",
    "Pythae": "pythae_side",
}
OTHERS = [name for name in (*_HERE, *_PEERS) if name not in (OURS, LIMIT)]

Row = dict[str, Any]


def main(
    peers: Path = Path(".peers/bin/python"),
    rounds: int = 9,
    cases: tuple[Name, ...] = get_args(Name),
    steps: int | None = None,
    out: Path = Path("results/training.json"),
) -> None:
    """Time a training step, ours and others', in turn.

    Args:
      peers: The Python that has PyTorch and Pythae.
      rounds: Turns of each contestant, after one to warm up.
      cases: Which of them.
      steps: Of a turn; otherwise as many as take us most of a second.
      out: File of all that was measured.
    """
    start, rows = time.perf_counter(), []
    found = shutil.which(peers)
    print(_heading(rounds))
    for name in cases:
        run = measure(CASES[name], found, rounds, steps)
        rows.append(as_row(CASES[name], run))
        print(line(rows[-1]), flush=True)
    print(_footing(rows, found))
    save(out, "training", {"peers": versions(found), "rows": rows})
    print(f"{time.perf_counter() - start:.0f} s; {out}")


def measure(case: Case, peers: str | None, rounds: int, steps: int | None = None) -> Contest:
    """All contestants in one case; those of `peers` only if there is such a Python."""
    contestants = [_contestant(sys.executable, name, module) for name, module in _HERE.items()]
    if peers is not None:
        contestants += [_contestant(peers, name, module) for name, module in _PEERS.items()]
    return contest(contestants, {"case": case.name}, rounds=rounds, steps=steps)


def as_row(case: Case, run: Contest) -> Row:
    """What is saved of a case: medians, ratios, and every number they are made of."""
    ours, count = run.records[OURS], operations(case)
    return {
        "case": case.name,
        "steps": run.steps,
        "operations": count,
        "contestants": {
            name: measured(run.records.get(name, Record(failed=NOT_RUN)), ours, count)
            for name in (*_HERE, *_PEERS)
        },
    }


def _heading(rounds: int) -> str:
    about = machine()
    return "\n".join(
        [
            f"{about['processor']}, {about['threads']} threads, medians of {rounds} rounds",
            "limit: the matrix products of a step, and nothing else",
            "",
            f"{'':10}{'vae_jax':>10}{'':>10}{'of the':>9}   times as long as vae_jax:",
            f"{'':10}{'us / step':>10}{'GFLOP/s':>10}{'limit':>9}" + _columns(OTHERS),
        ]
    )


def line(row: Row) -> str:
    ours = row["contestants"][OURS]
    if "failed" in ours:
        return f"{row['case']:10}{ours['failed']}"
    share = row["contestants"][LIMIT].get("times_ours")
    return (
        f"{row['case']:10}{1e6 * ours['seconds']:10,.0f}{ours['gflops']:10.1f}"
        f"{'-' if share is None else f'{share:.0%}':>9}"
        + _columns(_shown(row, name, "times_ours", ".2f") for name in OTHERS)
    )


def _footing(rows: Sequence[Row], peers: str | None) -> str:
    """The losses, by which to see that all do the same; and why some were not run."""
    lines = ["", f"loss in the last round, nats (at chance {CHANCE:.0f}):"]
    lines += [f"{'':20}{'vae_jax':>19}" + _columns(OTHERS)]
    for row in rows:
        values = (_shown(row, name, "loss", ".1f") for name in OTHERS)
        lines += [f"{row['case']:20}{_shown(row, OURS, 'loss', '.1f'):>19}" + _columns(values)]
    failures = [
        f"{row['case']}, {name}: {measured['failed']}"
        for row in rows
        for name, measured in row["contestants"].items()
        if measured.get("failed", NOT_RUN) != NOT_RUN
    ]
    if peers is None:
        failures += ["PyTorch and Pythae were not run: `make peers` makes their environment."]
    return "\n".join([*lines, "", *failures])


def _columns(words: Any) -> str:
    widths = (len(name) + 3 for name in OTHERS)
    return "".join(f"{word:>{width}}" for word, width in zip(words, widths, strict=True))


def _shown(row: Row, name: str, key: str, form: str) -> str:
    measured = row["contestants"][name]
    if "failed" in measured:
        return NOT_RUN if measured["failed"] == NOT_RUN else "failed"
    return "-" if measured[key] is None else format(measured[key], form)


def _contestant(python: str, name: str, module: str) -> Contestant:
    return Contestant(name, (python, "-m", f"experiments.benchmarks.{module}"))


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.training"))
