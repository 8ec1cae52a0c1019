"""log p(x) by importance sampling, ours beside Pythae's: how long for the 10,000 of a test set?

python -m experiments.benchmarks.likelihood

The network of Burda et al. with one stochastic layer; the same weights and images for everyone, in
float32, on all cores, in turn. The weights are such that few draws tell log p(x), so that it can be
compared closely: the time does not depend on them. Each turn takes some images, and 10,000 are
extrapolated from them: the work is the same for every image. Beside them runs what it cannot be
faster than: the matrix products alone. Pythae is in an environment of its own, which `make peers`
makes.

Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5.
"""

import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.benchmarks.cases import CASES, Case, images
from experiments.benchmarks.contest import NOT_RUN, Contest, Contestant, Record, contest, ratio
from experiments.benchmarks.dense import calm, decoding, encoding, load_weights, save_weights
from experiments.benchmarks.likelihood_jax import (
    BATCH_SIZE,
    CHUNK_SIZE,
    DRAWING,
    LIMIT,
    PARTS,
    temporary_bytes,
)
from experiments.benchmarks.machine import machine
from experiments.benchmarks.models import model
from experiments.benchmarks.results import save, versions
from vae_jax.evaluate import log_likelihoods

CASE, OURS, TEST_SET = "iwae k=1", "vae_jax, defaults", 10_000
SIZES = ((10, 50), (10, 100), (10, 500), (20, 100), (50, 50), (50, 500), (100, 100))
FEW, MANY = 500, 50_000  # draws, of which the memory is compared

Row = dict[str, Any]


def main(
    peers: Path = Path(".peers/bin/python"),
    images: int = 100,
    importance_samples: int = 5000,
    rounds: int = 3,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    out: Path = Path("results/likelihood.json"),
) -> None:
    """Time log p(x), ours and Pythae's, in turn.

    Args:
      peers: The Python that has Pythae.
      images: Of a turn. A last batch that is not full takes us the time of a full one.
      importance_samples: Draws for each image.
      rounds: Turns of each contestant, after one to warm up.
      sizes: Images and draws held at once, batch_size and chunk_size, besides our defaults.
      out: File of all that was measured.
    """
    start, found = time.perf_counter(), shutil.which(peers)
    print(_heading(images, importance_samples, rounds), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        save_weights(weights, calm(CASES[CASE]))
        run = measure(weights, found, images, importance_samples, rounds, sizes)
        expected = reference(weights, images, importance_samples)
    rows = as_rows(CASES[CASE], run, importance_samples)
    print("\n".join(map(line, rows)))
    memory = {str(k): temporary_bytes(CASES[CASE], k) for k in (FEW, MANY)}
    print(_footing(rows, expected, memory, found))
    about: Row = {"images": images, "importance_samples": importance_samples}
    about |= {"peers": versions(found), "log_likelihood": expected, "temporary_bytes": memory}
    save(out, "likelihood", {**about, "rows": rows})
    print(f"{time.perf_counter() - start:.0f} s; {out}")


def measure(
    weights: Path,
    peers: str | None,
    images: int,
    importance_samples: int,
    rounds: int,
    sizes: Sequence[tuple[int, int]] = (),
) -> Contest:
    """All contestants, an image a step; Pythae only if there is such a Python."""
    ours = {f"vae_jax, {b} x {c}": {"batch_size": b, "chunk_size": c} for b, c in sizes}
    together = {
        f"Pythae, {n:,}": n for n in sorted({min(100, importance_samples), importance_samples})
    }
    contestants = [_contestant(sys.executable, n, "jax") for n in (OURS, *PARTS, *ours)]
    if peers is not None:
        contestants += [_contestant(peers, name, "pythae") for name in together]
    work = {"case": CASE, "weights": str(weights), "importance_samples": importance_samples}
    work |= {"sizes": ours, "together": together}
    return contest(contestants, work, rounds=rounds, steps=images)


def reference(weights: Path, number: int, importance_samples: int) -> dict[str, float]:
    """The mean of log p(x) in nats, once more here, and its Monte Carlo standard error."""
    data, params = {"x": jnp.asarray(images(number))}, load_weights(weights)
    found = log_likelihoods(
        model(CASES[CASE]), params, jax.random.key(1), data, num_samples=importance_samples
    )
    error = np.sqrt(np.sum(np.square(found.standard_error))) / number
    ess = float(np.median(found.ess))
    return {"mean": float(found.value.mean()), "standard_error": float(error), "median_ess": ess}


def operations(case: Case, importance_samples: int) -> int:
    """Additions and multiplications an image needs: encoded once, every draw decoded."""
    needed = [*encoding(case, 1), *decoding(case, importance_samples)]
    return sum(2 * p.rows * p.inner * p.columns for p in needed)


def as_rows(case: Case, run: Contest, importance_samples: int) -> list[Row]:
    """What is saved: medians, ratios, and every number they are made of."""
    ours, limit = run.records[OURS], run.records[LIMIT]
    count = operations(case, importance_samples)
    return [
        {"contestant": name, **_measured(record, ours, limit, 0 if name == DRAWING else count)}
        for name, record in run.records.items()
    ]


def _measured(record: Record, ours: Record, limit: Record, count: int) -> Row:
    if record.failed:
        return {"failed": record.failed}
    median = statistics.median(record.seconds)
    return {
        "seconds_an_image": median,
        "seconds_extrapolated": TEST_SET * median,
        "operations_an_image": count,
        "gflops": count / median / 1e9 if count else None,
        "of_the_limit": ratio(limit, record) if count else None,
        "times_ours": ratio(record, ours),
        "log_likelihood": statistics.fmean(record.values),
        "every_seconds_an_image": record.seconds,
        "every_log_likelihood": record.values,
    }


def _heading(images: int, importance_samples: int, rounds: int) -> str:
    about = machine()
    return "\n".join(
        [
            f"{about['processor']}, {about['threads']} threads, medians of {rounds} rounds",
            f"784-200-200-50-200-200-784, {importance_samples:,} draws; {images} images a turn,"
            f" of which {TEST_SET:,} are extrapolated",
            f"vae_jax: images x draws at once, {BATCH_SIZE} x {CHUNK_SIZE} by default; Pythae:"
            " draws at once, without gradients",
            "",
            f"{'':20}{TEST_SET:10,}{'':>10}{'of the':>9}{'times':>10}{'log p(x),':>12}",
            f"{'':20}{'images, s':>10}{'GFLOP/s':>10}{'limit':>9}{'vae_jax':>10}{'nats':>12}",
        ]
    )


def line(row: Row) -> str:
    if "failed" in row:
        return f"{row['contestant']:20}{'failed':>10}"
    value = None if row["contestant"] in PARTS else row["log_likelihood"]
    return (
        f"{row['contestant']:20}{row['seconds_extrapolated']:10,.0f}"
        f"{_shown(row['gflops'], '.1f'):>10}{_shown(row['of_the_limit'], '.0%'):>9}"
        f"{_shown(row['times_ours'], '.2f'):>10}{_shown(value, '.3f'):>12}"
    )


def _footing(
    rows: Sequence[Row], expected: dict[str, float], memory: dict[str, int], peers: str | None
) -> str:
    spread = math.sqrt(2) * expected["standard_error"]
    few, many = (memory[str(k)] / 1e6 for k in (FEW, MANY))
    lines = [
        "",
        f"two such means of log p(x) differ by about {spread:.3f} nats; the median effective sample"
        f" size is {expected['median_ess']:.0f}",
        f"buffers of a batch, ours: {few:.1f} MB for {FEW:,} draws, {many:.1f} MB for {MANY:,}",
        *(f"{row['contestant']}: {row['failed']}" for row in rows if "failed" in row),
    ]
    if peers is None:
        lines += [f"Pythae: {NOT_RUN}; `make peers` makes its environment."]
    return "\n".join([*lines, ""])


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _contestant(python: str, name: str, side: str) -> Contestant:
    return Contestant(name, (python, "-m", f"experiments.benchmarks.likelihood_{side}"))


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m experiments.benchmarks.likelihood"))
