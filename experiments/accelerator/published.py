"""The table of published numbers: the rows not yet run, in the order of their worth.

Each is measured for an epoch before it is chosen. The next ones are compiled meanwhile, and the
last one is scored: a row's times are of a device that does little else, not nothing.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from experiments.accelerator.task import PROGRAM, Json, Notes, Task
from experiments.papers.iwae import results, together
from experiments.papers.iwae.cells import Cell
from experiments.papers.iwae.protocols import Settings, make_settings
from experiments.papers.iwae.rows import ROWS
from experiments.papers.iwae.together import Training
from vae_jax.train import TrainState

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
COSTLY = (  # of one seed at first, and two a run
    "dynamic-1-iwae-50",
    "dynamic-1-piwae-8-8",
    "dynamic-1-iwae-64",
    "dynamic-1-miwae-8-8",
    "dynamic-1-ciwae-64-0.05",
    "dynamic-1-ciwae-64-0.5",
    "dynamic-1-vae-64",
    "dynamic-1-iwae-50-dreg",
    "dynamic-2-iwae-50",
)
_TINY = ("fixed-1-iwae-5", "dynamic-1-iwae-64")
MOST_COSTLY = 2
_SCORING = 25.0  # seconds that the scores of a row take, about, compiling and all
_CHUNK = 10.0  # seconds of training between two looks at the clock
_WORTH_BEGINNING = 45.0
_WORTH_MEASURING = 90.0
_AHEAD = 3  # rows that are compiled, the one that is trained among them


class _Begun(NamedTuple):
    """A row that is under way: the state of its seeds, and seconds, so far and of an epoch."""

    training: Training
    states: TrainState
    seconds: float
    each: float

    @property
    def name(self) -> str:
        return _name(self.training)

    @property
    def epoch(self) -> int:
        return int(np.asarray(self.states.step).flat[0]) // self.training.steps

    @property
    def needed(self) -> float:
        """Seconds to its scores."""
        return self.each * (self.training.epochs - self.epoch) + _SCORING


def run(task: Task) -> None:
    """Rows until no time is left; and the first that did not fit is begun."""
    notes = Notes(task, "published")
    with ThreadPoolExecutor(2) as compilers, ThreadPoolExecutor(1) as scorer:
        scores: dict[str, Future[Json]] = {}
        too_long: list[_Begun] = []
        planned, compiling = plan(task), list[Future[None]]()
        for index, training in enumerate(planned):
            refused = _refused(task, training, scores, too_long)
            if refused:
                notes.leave_out(_name(training), refused)
                continue
            ahead = planned[len(compiling) : index + _AHEAD]
            compiling += [compilers.submit(together.compiled, t) for t in ahead]
            compiling[index].result()
            begun = _begin(task, training)
            if begun.needed > task.left():
                too_long.append(begun)
                notes.leave_out(begun.name, f"{begun.needed:.0f} s, with {task.left():.0f} s left")
                continue
            begun = _train(task, begun, 0.0)
            scores[begun.name] = scorer.submit(_score, task, begun)  # beside the next row
        compilers.shutdown(wait=False, cancel_futures=True)
        if too_long and task.left() > _WORTH_BEGINNING:
            begun = _train(task, too_long[0], 15.0)
            together.save(_folder(task), begun.training, begun.states, begun.seconds)
            notes.leave_out(begun.name, f"begun: {begun.epoch} of {begun.training.epochs} passes")
        for name, score in scores.items():
            notes.item(name, score.result)


def _refused(
    task: Task, training: Training, done: Iterable[str], too_long: Sequence[_Begun]
) -> str | None:
    """Why a row is not even begun, or None."""
    if task.left() < _SCORING:
        return "no time was left"
    if too_long and task.left() < _WORTH_MEASURING:
        return f"{task.left():.0f} s are too few to measure it and train it"
    if _name(training) in COSTLY and len(set(done) & set(COSTLY)) == MOST_COSTLY:
        return f"{MOST_COSTLY} such rows are enough for one run"
    return None


def plan(task: Task) -> list[Training]:
    """What is not in the results yet, the most worth first."""
    kind = jax.devices()[0].device_kind
    cells = results.load(Path(task.out) / "iwae.json")
    done = {_identity(cell) for cell in cells if cell["machine"] == kind}
    found = []
    for name in _TINY if task.dry else (*ROUTINE, *COSTLY):
        row, seeds = ROWS[name], SEEDS[:1] if name in COSTLY else SEEDS
        settings = Settings(20, 3, 1e-3) if task.dry else make_settings("short", row)
        wanted = [Cell(row, "short", settings, seed) for seed in seeds]
        missing = tuple(cell for cell in wanted if _identity(cell.identity()) not in done)
        if missing:
            found.append(together.training(missing, Path(task.raw), 60 if task.dry else None))
    return found


def _identity(cell: Json) -> str:
    return str([cell[name] for name in ("row", "protocol", "seed", "settings")])


def _begin(task: Task, training: Training) -> _Begun:
    """Begin a row, or go on with it, and measure an epoch of it."""
    states, seconds = together.load(_folder(task), training) or (together.begin(training), 0.0)
    begun = _Begun(training, states, seconds, 0.0)
    for _ in range(min(2, training.epochs - begun.epoch)):
        begun = _advance(begun, 1)
    microseconds = 1e6 * begun.each / training.steps
    print(f"  {begun.name}: {microseconds:.0f} us a step, {begun.needed:.0f} s to go", flush=True)
    return begun


def _train(task: Task, begun: _Begun, reserve: float) -> _Begun:
    """Epochs until they are done, or no time is left but `reserve` seconds."""
    while begun.epoch < begun.training.epochs and task.left() > reserve:
        epochs = max(1, int(_CHUNK / begun.each))
        begun = _advance(begun, min(epochs, begun.training.epochs - begun.epoch))
    return begun


def _advance(begun: _Begun, epochs: int) -> _Begun:
    start = time.perf_counter()
    states, loss = together.advance(begun.training, begun.states, epochs)
    if not np.all(np.isfinite(np.asarray(loss))):
        raise ArithmeticError(f"{begun.name}: the loss is {loss}.")
    seconds = time.perf_counter() - start
    return _Begun(begun.training, states, begun.seconds + seconds, seconds / epochs)


def _score(task: Task, begun: _Begun) -> Json:
    """Score a row that is trained, and put its cells into the table."""
    if begun.epoch < begun.training.epochs:
        together.save(_folder(task), begun.training, begun.states, begun.seconds)
        raise TimeoutError(f"begun: {begun.epoch} of {begun.training.epochs} passes")
    start = time.perf_counter()
    command = f"{PROGRAM} --raw FOLDER --out FOLDER --minutes {task.minutes:g}"
    cells = together.results(begun.training, begun.states, begun.seconds, command)
    for cell in cells:
        cell["commit"] = task.commit or cell["commit"]
        results.merge(Path(task.out) / "iwae.json", cell)
    steps = begun.training.epochs * begun.training.steps
    print(
        f"  {begun.name}: {', '.join(format(c['nll']['value'], '.2f') for c in cells)}", flush=True
    )
    return {
        "seeds": [cell["seed"] for cell in cells],
        "negative_log_likelihood": [cell["nll"]["value"] for cell in cells],
        "training_seconds": begun.seconds,
        "microseconds_a_step": 1e6 * begun.seconds / steps,
        "scoring_seconds": time.perf_counter() - start,
    }


def _name(training: Training) -> str:
    return training.cells[0].row.name


def _folder(task: Task) -> Path:
    return Path(task.runs) / "begun"
