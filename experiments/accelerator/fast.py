"""Is it fast: a training step beside others', log p(x) of a test set, and where the time goes."""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax

from experiments.accelerator.lanes import Lane, play, warmed_up
from experiments.accelerator.steps import OURS, TORCH, lanes_of, processes_of, torch_here
from experiments.accelerator.task import Json, Notes, Task
from experiments.accelerator.where import profile
from experiments.benchmarks import likelihood_jax
from experiments.benchmarks.cases import CASES, Case, tiny
from experiments.benchmarks.contest import NOT_RUN, Record, Turn, Work, measured
from experiments.benchmarks.dense import calm, save_weights
from experiments.benchmarks.jax_side import library
from experiments.benchmarks.machine import operations
from vae_jax.evaluate.products import EXACT

SIZES = ((50, 100), (1000, 250))  # images and draws at once, our defaults first
_CASES = ("iwae k=1", "mlp", "iwae k=50", "conv")
_WHERE = ("conv", "iwae k=1", "mlp", "iwae k=50")  # in the order of worth
_LIKELIHOODS = [f"{what}{b} x {c}" for b, c in SIZES for what in ("likelihood, ", "products, ")]
_ONE_WHERE, _ONE_LIKELIHOOD = 6.0, 8.0  # seconds, about


def run(task: Task) -> None:
    """All items of the part."""
    names = _CASES[:1] if task.dry else _CASES
    cases = {name: tiny(CASES[name]) if task.dry else CASES[name] for name in names}
    version, torch = torch_here()
    lanes = [lane for case in cases.values() for lane in lanes_of(case, torch, task.dry)]
    where_of = [name for name in _WHERE if name in cases]
    groups = dict.fromkeys(lane.group for lane in lanes)
    planned = [*groups, *(f"where, {name}" for name in where_of), *_LIKELIHOODS]
    notes = Notes(task, "fast", planned)
    notes.about("torch", version)
    _contest(task, notes, lanes, torch)
    notes.item(f"where, {where_of[0]}", partial(where, cases[where_of[0]], task.dry), _ONE_WHERE)
    with tempfile.TemporaryDirectory() as folder:
        for name in _LIKELIHOODS:
            notes.item(name, partial(likelihood, name, Path(folder), task.dry), _ONE_LIKELIHOOD)
    for name in where_of[1:]:
        notes.item(f"where, {name}", partial(where, cases[name], task.dry), _ONE_WHERE)


def _contest(task: Task, notes: Notes, lanes: Sequence[Lane], torch: bool) -> None:
    """Keep each group as soon as it has played; what comes after has a third of what is left."""
    left = task.left()
    until = task.until - min(left / 3, _ONE_WHERE + len(_LIKELIHOODS) * _ONE_LIKELIHOOD)
    with warmed_up(lanes, processes_of(lanes), left / 2) as ready:
        for group, records in play(ready, rounds=5, until=until):
            members = [lane for lane in lanes if lane.group == group]
            notes.keep(group, as_item(members, records, torch))


def as_item(lanes: Sequence[Lane], records: dict[str, Record], torch: bool) -> Json:
    """Medians, ratios, and every number they are made of; who was not run, and why.

    Args:
      lanes: of a group, the first of them ours.
      records: of what each did.
      torch: whether there is one that sees a GPU.
    """
    case, ours = Case(**lanes[0].work["case"]), records[OURS]
    count = operations(case)
    found = {
        lane.name: measured(records[lane.name], ours, count * lane.work.get("seeds", 1))
        for lane in lanes
    }
    absent = {"failed": f"{NOT_RUN}: torch sees no GPU"}
    missing = {} if torch else {name: absent for name in TORCH}  # noqa: C420
    return {"case": case._asdict(), "operations": count, "contestants": {**found, **missing}}


def where(case: Case, dry: bool) -> Json:
    """The kernels of a step."""
    steps = 3 if dry else 200
    turn = library(case, steps)
    turn()
    return profile(turn, steps)


def likelihood(name: str, folder: Path, dry: bool) -> Json:
    """Seconds for log p(x) of 10,000 images by 5,000 draws, or of its matrix products alone.

    By float32 products, as all scores are.

    Args:
      name: "likelihood, 50 x 100" or "products, 50 x 100", images and draws at once.
      folder: where the weights are kept, so that all have the same.
      dry: whether to do little of it.
    """
    case = tiny(CASES["iwae k=1"]) if dry else CASES["iwae k=1"]
    images, draws = (20, 10) if dry else (10_000, 5000)
    weights = folder / "weights.npz"
    if not weights.exists():
        save_weights(weights, calm(case))
    batch, chunk = map(int, name.split(", ")[1].split(" x "))
    sizes = {name: {"batch_size": batch, "chunk_size": chunk}}
    work = {"contestant": name, "weights": str(weights), "sizes": sizes, "steps": images}
    what = likelihood_jax.matrix_products if name.startswith("products") else likelihood_jax.library
    found = _timed(partial(what, case), {**work, "importance_samples": draws})
    return {"images": images, "importance_samples": draws, "products": EXACT, **found}


def _timed(turns: partial[Turn], work: Work) -> Json:
    with jax.default_matmul_precision(EXACT):
        turn = turns(work)
        turn()
        start = time.perf_counter()
        value = turn()
    return {"seconds": time.perf_counter() - start, "log_likelihood": value}
