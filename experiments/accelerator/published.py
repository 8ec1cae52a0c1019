"""The table of published numbers: the rows not yet run, in the order of their worth.

Each is measured for an epoch before it is chosen. The next ones are compiled meanwhile, and the
last one is scored: a row's times are of a device that does little else, not nothing.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from experiments.accelerator import begun as rows
from experiments.accelerator.begun import Begun
from experiments.accelerator.plan import is_costly, name_of, plan
from experiments.accelerator.task import Notes, Task
from experiments.benchmarks.contest import reason
from experiments.papers.iwae import together
from experiments.papers.iwae.together import Training

MOST_COSTLY = 2
_FIRST_SCORING = 90.0  # seconds that the scores of a row take, about, compiling and all
_SCORING = 15.0  # where a row of as many layers has been scored before
_RESERVE = 15.0
_WORTH_BEGINNING = 45.0
_WORTH_MEASURING = 90.0
_AHEAD = 3  # rows that are compiled, the one that is trained among them


def run(task: Task) -> None:
    """Rows until no time is left; and the first that did not fit is begun."""
    planned = plan(task)
    notes = Notes(task, "published", map(name_of, planned))
    trainings = [together.training(c, Path(task.raw), 60 if task.dry else None) for c in planned]
    with ThreadPoolExecutor(2) as compilers, ThreadPoolExecutor(1) as scorer:
        table = _Table(task, notes, scorer)
        compiling: list[Future[None]] = []
        for index, training in enumerate(trainings):
            ahead = trainings[len(compiling) : index + _AHEAD]
            compiling += [compilers.submit(together.compiled, t) for t in ahead]
            table.attempt(training, compiling[index])
        compilers.shutdown(wait=False, cancel_futures=True)
        table.begin_another()


class _Table:
    """The rows of a run: those that were trained, and those that are too long for it."""

    def __init__(self, task: Task, notes: Notes, scorer: Executor) -> None:
        self._task, self._notes, self._scorer = task, notes, scorer
        self._costly = 0
        self._too_long: list[Begun] = []
        self._scored: set[int] = set()  # numbers of layers

    def attempt(self, training: Training, compiled: Future[None]) -> None:
        """Train a row, if there is time for it; whatever fails costs this row alone."""
        name, refused = name_of(training.cells), self._refused(training)
        if refused:
            self._notes.leave_out(name, refused)
        else:
            self._guarded(name, partial(self._begin, training, compiled))

    def begin_another(self) -> None:
        """Spend what is left on the first row that did not fit."""
        if self._too_long and self._task.left() > _WORTH_BEGINNING:
            begun = self._too_long[0]
            self._guarded(begun.name, partial(self._train, begun, _RESERVE))

    def _guarded(self, name: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # whatever it is, the other rows go on
            self._notes.keep(name, {"failed": reason(error)})

    def _refused(self, training: Training) -> str | None:
        """Why a row is not even begun, or None."""
        left = self._task.left()
        if left < _SCORING:
            return "no time was left"
        if self._too_long and left < _WORTH_MEASURING:
            return f"{left:.0f} s are too few to measure it and train it"
        if is_costly(training.cells) and self._costly == MOST_COSTLY:
            return f"{MOST_COSTLY} such rows are enough for one run"
        return None

    def _begin(self, training: Training, compiled: Future[None]) -> None:
        compiled.result()
        begun = rows.begin(self._task, training)
        left, needed = self._task.left(), begun.needed + self._scoring(training)
        if needed < left or begun.complete:
            return self._train(begun, 0.0)
        self._too_long.append(begun)
        return self._notes.leave_out(begun.name, f"{needed:.0f} s, with {left:.0f} s left")

    def _train(self, begun: Begun, reserve: float) -> None:
        begun = rows.train(self._task, begun, reserve)
        if not begun.complete:
            return self._notes.leave_out(begun.name, f"begun: {begun.so_far}")
        self._costly += is_costly(begun.training.cells)
        self._notes.leave_out(begun.name, "trained, and not scored: another run will")
        self._scorer.submit(self._score, begun)  # beside the next row
        return None

    def _score(self, begun: Begun) -> None:
        self._notes.item(begun.name, partial(rows.score, self._task, begun))
        self._scored.add(begun.training.cells[0].row.layers)

    def _scoring(self, training: Training) -> float:
        return _SCORING if training.cells[0].row.layers in self._scored else _FIRST_SCORING
