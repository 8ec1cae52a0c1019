"""How long things take, measured where they run: epochs that fit into a time, and scoring."""

import math
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vae_jax import hosts
from vae_jax.configs import Data, Experiment
from vae_jax.runs.divide import epoch_steps
from vae_jax.runs.pictures import save_pictures
from vae_jax.runs.training import Training, evaluated_every
from vae_jax.runs.trial import trial
from vae_jax.types import Params, Progress

_FEW, _ROUND = 4, 1.0  # steps of the first measurement; seconds that those of the second take
_MARGIN = 0.9  # of the time is planned for: a machine is not always as fast as it was


class Pace(NamedTuple):
    """Seconds of a step, of an evaluation with its pictures, and of getting ready (compiling)."""

    step: float
    evaluation: float
    ready: float


def seconds_of(text: str) -> float:
    """Of "90s", "5m", "1h30m". ValueError for anything else, and for none."""
    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(rf"(?:{number}h)?(?:{number}m)?(?:{number}s)?", text)
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if seconds <= 0:
        raise ValueError(f"time must be such as 90s, 5m or 1h30m; got {text!r}.")
    return seconds


def epochs_in_time(
    experiment: Experiment,
    data: Data,
    training: Training,
    began: float,
    note: Callable[[str], None],
) -> int:
    """The epochs that end within the time of `training`.

    Args:
      experiment: with any number of epochs.
      data: the experiment's.
      training: options of the run, with a time.
      began: when the time did, by `time.perf_counter`.
      note: told what is done, and what was found.

    Raises:
      ValueError: it is no time, or not one epoch ends within it.
    """
    assert training.time is not None
    seconds, steps = seconds_of(training.time), epoch_steps(experiment, data, training)
    note(f"Timing the first steps, to choose the epochs that end within {training.time}.")
    pace = measured(experiment, data, training)
    left = seconds - (time.perf_counter() - began)
    epochs = hosts.agreed(lambda: epochs_within(left, pace, steps, training))
    note(
        f"{epochs:,} epochs of about {steps * pace.step:.3g} s, and {pace.evaluation:.3g} s for an"
        f" evaluation, end within {training.time}. Scoring comes after them."
    )
    return epochs


def epochs_within(seconds: float, pace: Pace, steps: int, training: Training) -> int:
    """How many epochs of so many steps, with their evaluations, fit into so many seconds.

    Of the seconds a tenth is left over. They are those from now on; getting ready, which is to be
    done once more, is among them.

    Raises:
      ValueError: not even one does.
    """

    def cost(epochs: int) -> float:
        evaluations = math.ceil(epochs / evaluated_every(training, epochs))
        return pace.ready + epochs * steps * pace.step + evaluations * pace.evaluation

    most = int(_MARGIN * seconds / (steps * pace.step))
    fitting = (n for n in range(most, 0, -1) if cost(n) <= _MARGIN * seconds)
    epochs = next(fitting, 0)
    if not epochs:
        raise ValueError(
            f"One epoch takes about {cost(1):.0f} s with compiling and an evaluation, and"
            f" {max(0.0, seconds):.0f} s are left of the time, now that it was timed: time=<a"
            " longer one>, or epochs=<their number> in its place."
        )
    return epochs


def measured(
    experiment: Experiment,
    data: Data,
    training: Training,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """The pace of a run: of a few steps, which say how many are long enough to be timed; then of
    these, with an evaluation. Each is done twice, since it is compiled the first time."""
    steps = epoch_steps(experiment, data, training)
    few = min(steps, _FEW)
    first = _rounds(experiment, data, training, few, clock, evaluated=False)
    wanted = hosts.agreed(lambda: math.ceil(_ROUND / max(first.step, 1e-6)))
    enough = max(few, min(steps, wanted))
    return _rounds(experiment, data, training, enough, clock, evaluated=True)


def foretold(
    progress: Progress,
    longest: float,
    tell: Callable[[float], None],
    clock: Callable[[], float] = time.perf_counter,
) -> Progress:
    """A loop over batches; `tell` is told how long it will take, if that is longer than so many
    seconds, when the third batch begins: by then the second has been timed, and the first compiled.
    """

    def wrap(batches: Iterable[int]) -> Iterable[int]:
        whole, starts = list(batches), []
        for batch in progress(whole):
            starts.append(clock())
            if len(starts) == 3:
                first, second, third = starts
                seconds = third - first + (len(whole) - 2) * (third - second)
                if seconds > longest:
                    tell(seconds)
            yield batch

    return wrap


def _rounds(
    experiment: Experiment,
    data: Data,
    training: Training,
    steps: int,
    clock: Callable[[], float],
    *,
    evaluated: bool,
) -> Pace:
    seconds, ends = [], [clock()]

    def report(row: dict[str, Any], params: Params) -> None:
        if row["data"] == "train":
            seconds.append(row["seconds"])
        if evaluated and row["data"] == "train":
            return  # the evaluation is reported next
        if evaluated and training.pictures:
            with tempfile.TemporaryDirectory() as folder:
                save_pictures(Path(folder), experiment, data, params, jax.random.key(0))
        ends.append(clock())

    trial(experiment, data, training, steps, report, evaluated=evaluated)
    start, compiled, end = ends
    each, one = end - compiled, seconds[1]
    return Pace(one / steps, max(0.0, each - one), max(0.0, compiled - start - each))
