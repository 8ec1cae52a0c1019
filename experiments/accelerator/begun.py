"""A row that is under way: begun or gone on with, trained as long as there is time, and scored."""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.accelerator.plan import name_of
from experiments.accelerator.task import Json, Task, command_of
from experiments.papers.iwae import results, together
from experiments.papers.iwae.together import Training
from vae_jax.train import TrainState

_CHUNK = 10.0  # seconds of training between two looks at the clock, after each of which it is kept


class Begun(NamedTuple):
    """A row that is under way.

    Fields:
      training: what is trained.
      states: of its seeds.
      seconds: of training so far.
      each: seconds of an epoch; 0 of one that was complete when it was gone on with.
    """

    training: Training
    states: TrainState
    seconds: float
    each: float

    @property
    def name(self) -> str:
        """Of the row."""
        return name_of(self.training.cells)

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return int(np.asarray(self.states.step).flat[0]) // self.training.steps

    @property
    def complete(self) -> bool:
        """Whether all are."""
        return self.epoch >= self.training.epochs

    @property
    def needed(self) -> float:
        """Seconds of training that are left."""
        return self.each * (self.training.epochs - self.epoch)

    @property
    def so_far(self) -> str:
        """In words."""
        return f"{self.epoch} of {self.training.epochs} passes"


def begin(task: Task, training: Training) -> Begun:
    """Begin a row, or go on with it, and measure an epoch of it."""
    states, seconds = together.load(folder_of(task), training) or (together.begin(training), 0.0)
    begun = Begun(training, states, seconds, 0.0)
    for _ in range(min(2, training.epochs - begun.epoch)):
        begun = _advance(begun, 1)
    microseconds = 1e6 * begun.each / training.steps
    told = "trained" if begun.complete else f"{microseconds:.0f} us a step, {begun.needed:.0f} s"
    print(f"  {begun.name}: {told}", flush=True)
    return begun


def train(task: Task, begun: Begun, reserve: float) -> Begun:
    """Epochs until they are done, or no time is left but `reserve` seconds; all of them kept."""
    keep(task, begun)
    while not begun.complete and task.left() > reserve:
        epochs = max(1, int(_CHUNK / begun.each))
        begun = _advance(begun, min(epochs, begun.training.epochs - begun.epoch))
        keep(task, begun)
    return begun


def keep(task: Task, begun: Begun) -> None:
    """So that it can be gone on with."""
    together.save(folder_of(task), begun.training, begun.states, begun.seconds)


def score(task: Task, begun: Begun) -> Json:
    """Score a row that is trained, and put its cells into the table."""
    start = time.perf_counter()
    cells = together.results(begun.training, begun.states, begun.seconds, command_of(task))
    for cell in cells:
        cell["commit"] = task.commit or cell["commit"]
        results.merge(Path(task.out) / "iwae.json", cell)
    values = [cell["nll"]["value"] for cell in cells]
    print(f"  {begun.name}: {', '.join(format(value, '.2f') for value in values)}", flush=True)
    return {
        "seeds": [cell["seed"] for cell in cells],
        "negative_log_likelihood": values,
        "training_seconds": begun.seconds,
        "microseconds_a_step": 1e6 * begun.seconds / (begun.training.epochs * begun.training.steps),
        "scoring_seconds": time.perf_counter() - start,
    }


def folder_of(task: Task) -> Path:
    """Of what was begun."""
    return Path(task.runs) / "begun"


def _advance(begun: Begun, epochs: int) -> Begun:
    start = time.perf_counter()
    states, loss = together.advance(begun.training, begun.states, epochs)
    if not np.all(np.isfinite(np.asarray(loss))):
        raise ArithmeticError(
            f"the loss is {loss} after {begun.so_far}; a smaller learning rate may do"
        )
    seconds = time.perf_counter() - start
    return Begun(begun.training, states, begun.seconds + seconds, seconds / epochs)
