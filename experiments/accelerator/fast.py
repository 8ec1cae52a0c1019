"""Is it fast: a training step beside others', log p(x) of a test set, and where the time goes."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax

from experiments.accelerator.lanes import Lane, play
from experiments.accelerator.processes import contestant
from experiments.accelerator.task import Json, Notes, Task
from experiments.accelerator.where import profile
from experiments.benchmarks import likelihood_jax
from experiments.benchmarks.cases import CASES, Case, tiny
from experiments.benchmarks.contest import NOT_RUN, Contestant, Record, measured
from experiments.benchmarks.dense import calm, save_weights
from experiments.benchmarks.jax_side import library
from experiments.benchmarks.machine import operations
from experiments.papers.iwae.scores import SCORING

OURS, PRODUCTS, FLAX, LARGE = "vae_jax", "matrix products", "flax example", 1024
SEEDS = (4, 16, 64)
TORCH = ("PyTorch, eager", "PyTorch, CUDA graphs")
WHILE = "--xla_gpu_enable_command_buffer=+WHILE"
SIZES = ((50, 100), (1000, 250))  # images and draws at once, our defaults first


def run(task: Task) -> None:
    """All items of the part."""
    notes = Notes(task, "fast")
    names = ("iwae k=1",) if task.dry else ("iwae k=1", "mlp", "iwae k=50", "conv")
    cases = [tiny(CASES[name]) if task.dry else CASES[name] for name in names]
    torch = sees_a_gpu()
    lanes = [lane for case in cases for lane in lanes_of(case, torch, task.dry)]
    processes = processes_of(lanes)
    records = play(lanes, processes, rounds=5, warm_up=60, until=task.until - 20)
    for group, found in records.items():
        case = next(lane.work["case"] for lane in lanes if lane.group == group)
        notes.keep(group, as_item(Case(**case), found, torch))
    for index, case in enumerate(cases):
        notes.item(f"where, {case.name}", partial(where, case, task.dry), seconds=5)
        if index == 0:
            notes.item("likelihood", partial(likelihoods, task.dry), seconds=15)


def lanes_of(case: Case, torch: bool, dry: bool) -> list[Lane]:
    """Those who train a case, at its own batch and at a large one, in the order of their worth."""
    own, large = case, case._replace(batch=7 if dry else LARGE)
    found = _beside(own, torch, dry)
    found += [lane for lane in _beside(large, torch, dry) if lane.name != FLAX]
    if own.convolutional:
        half, large_half = (c._replace(dtype="bfloat16") for c in (own, large))
        found += [_lane(half, f"{OURS}, bfloat16", OURS, dry)]
        found += [_lane(large_half, f"{OURS}, bfloat16", OURS, dry)]
    if own.name == "iwae k=1":
        found += [_lane(own, f"{OURS}, loops in a graph", OURS, dry, process="graphs")]
    seeds = (
        _lane(own, f"{OURS}, {n} seeds", OURS, dry, "seeds", seeds=n)
        for n in SEEDS[: 1 if dry else None]
    )
    return [*found, *seeds]


def _beside(case: Case, torch: bool, dry: bool) -> list[Lane]:
    names = (OURS, PRODUCTS, FLAX)
    ours = [_lane(case, name, name, dry) for name in names]
    theirs = [_lane(case, name, name, dry, process=name, device="cuda") for name in TORCH]
    return ours + (theirs if torch else [])


def _lane(case: Case, name: str, does: str, dry: bool, process: str = "", **more: Any) -> Lane:
    steps = 3 if dry else 200 if case.batch < LARGE else 50
    process = process or f"batch {case.batch}"
    work = {"does": does, "contestant": does, "case": case._asdict(), "steps": steps, **more}
    return Lane(f"{case.name}, batch {case.batch}", name, f"{process}: {case.name}", work)


def processes_of(lanes: Sequence[Lane]) -> list[Contestant]:
    """The processes that the lanes name."""
    found = []
    for name in dict.fromkeys(lane.process for lane in lanes):
        module = "benchmarks.torch_side" if name.startswith("PyTorch") else "jax_lanes"
        environment = {"XLA_FLAGS": WHILE} if name.startswith("graphs") else {}
        found.append(contestant(name, module, environment))
    return found


def as_item(case: Case, records: dict[str, Record], torch: bool) -> Json:
    """Medians, ratios, and every number they are made of; who was not run, and why."""
    count, ours = operations(case), records[OURS]
    found = {name: measured(record, ours, count) for name, record in records.items()}
    absent = {"failed": f"{NOT_RUN}: torch sees no GPU"}
    missing = {} if torch else {name: absent for name in TORCH}  # noqa: C420
    return {"case": case._asdict(), "operations": count, "contestants": {**found, **missing}}


def sees_a_gpu() -> bool:
    """Whether there is a torch here that does."""
    code = "import torch; print(torch.cuda.is_available())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() == "True"


def where(case: Case, dry: bool) -> Json:
    """The kernels of a step."""
    steps = 3 if dry else 200
    turn = library(case, steps)
    turn()
    return profile(turn, steps)


def likelihoods(dry: bool) -> Json:
    """Seconds for log p(x) of 10,000 images by 5,000 draws, and of the matrix products alone.

    By float32 products, as all scores are; at our default sizes, and at larger ones.
    """
    case = tiny(CASES["iwae k=1"]) if dry else CASES["iwae k=1"]
    images, draws = (20, 10) if dry else (10_000, 5000)
    found: Json = {"images": images, "importance_samples": draws, "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.npz"
        save_weights(weights, calm(case))
        sizes = {f"{b} x {c}": {"batch_size": b, "chunk_size": c} for b, c in SIZES}
        work: Json = {"weights": str(weights), "importance_samples": draws, "steps": images}
        work["sizes"] = sizes
        for name in (*sizes, PRODUCTS):
            row = _timed(case, {**work, "contestant": name})
            found["rows"].append({"contestant": name, "products": SCORING, **row})
    return found


def _timed(case: Case, work: Json) -> Json:
    with jax.default_matmul_precision(SCORING):
        turns = likelihood_jax.PARTS.get(work["contestant"], likelihood_jax.library)
        turn = turns(case, work)
        turn()
        start = time.perf_counter()
        value = turn()
    return {"seconds": time.perf_counter() - start, "log_likelihood": value}
