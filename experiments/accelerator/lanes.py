"""Contestants that warm up all at once, and then take turns.

Compiling is the work of processors, of which such a machine has many; what is measured is the
accelerator's. So every process does its warm-up turns beside the others, and then all are quiet but
the one whose turn it is.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from experiments.benchmarks.contest import (
    SILENT,
    Answer,
    Child,
    Contestant,
    Record,
    Work,
    as_record,
    ask,
    started,
)

_GRACE = 20.0  # seconds that a lane which has begun in time may still take to be ready
_PATIENCE = 20.0  # of a turn, after which its process is taken for one that hangs
_LATE: Answer = {"failed": "not ready in time"}
_OUT: Answer = {"failed": "no time was left"}


class Lane(NamedTuple):
    """One who takes turns.

    Fields:
      group: of those that are compared, which take turns together.
      name: in the group.
      process: the name of the contestant that does it.
      work: what it is told.
    """

    group: str
    name: str
    process: str
    work: Work


class Ready(NamedTuple):
    """Lanes that have warmed up: their processes, and the first answer of each that gave one."""

    lanes: Sequence[Lane]
    children: Mapping[str, Child]
    first: Mapping[tuple[str, str], Answer]  # by group and name


@contextlib.contextmanager
def warmed_up(
    lanes: Sequence[Lane], contestants: Sequence[Contestant], seconds: float
) -> Iterator[Ready]:
    """Start the processes, and let each of them warm up its lanes, beside the others.

    Args:
      lanes: in the order in which a process warms up, the most worth first.
      contestants: the processes; all of them are ended with the context.
      seconds: after which no lane begins to, and after half of which only the first of a process
        does: who is not ready soon after is ended, with all that its process has prepared.
    """
    with contextlib.ExitStack() as stack:
        children = {c.name: stack.enter_context(started(c)) for c in contestants}
        try:
            yield Ready(lanes, children, _warm_up(lanes, children, seconds))
        finally:
            for child in children.values():
                child.process.kill()  # there is nothing to wait for


def play(ready: Ready, *, rounds: int, until: float) -> Iterator[tuple[str, dict[str, Record]]]:
    """What the lanes of each group did, as soon as they have.

    Args:
      ready: who plays.
      rounds: turns that count, of each lane.
      until: after which no round begins (`time.time`): of the rounds that were complete by then,
        if any, the records are.
    """
    for group in dict.fromkeys(lane.group for lane in ready.lanes):
        members = [lane for lane in ready.lanes if lane.group == group]
        yield group, _rounds(members, ready, rounds, until)


def _warm_up(
    lanes: Sequence[Lane], children: Mapping[str, Child], seconds: float
) -> dict[tuple[str, str], Answer]:
    """The first answer of each lane that gave one in time."""
    answers: dict[tuple[str, str], Answer] = {}
    start = time.time()

    def serve(process: str) -> None:
        own = [lane for lane in lanes if lane.process == process]
        for index, lane in enumerate(own):
            if time.time() < start + (seconds if index == 0 else seconds / 2):
                left = start + seconds + _GRACE - time.time()
                answer = ask(children[process], lane.work, left)
                answers[lane.group, lane.name] = _LATE if answer is SILENT else answer

    with ThreadPoolExecutor(max(len(children), 1)) as pool:
        list(pool.map(serve, children))
    return answers


def _rounds(lanes: Sequence[Lane], ready: Ready, rounds: int, until: float) -> dict[str, Record]:
    given = {lane.name: [ready.first.get((lane.group, lane.name), _LATE)] for lane in lanes}
    for _ in range(rounds):
        if time.time() >= until:
            break
        for lane in lanes:
            answers = given[lane.name]
            if "failed" not in answers[-1]:
                answers.append(ask(ready.children[lane.process], lane.work, _PATIENCE))
    return {name: _record(answers) for name, answers in given.items()}


def _record(answers: Sequence[Answer]) -> Record:
    played = len(answers) > 1 or "failed" in answers[0]
    return as_record(answers if played else [_OUT])
