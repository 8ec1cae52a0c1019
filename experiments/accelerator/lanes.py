"""Contestants that warm up all at once, and then take turns.

Compiling is the work of processors, of which such a machine has many; what is measured is the
accelerator's. So every process does its warm-up turns beside the others, and then all are quiet but
the one whose turn it is.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from experiments.benchmarks.contest import (
    Answer,
    Child,
    Contestant,
    Record,
    Work,
    as_record,
    ask,
    started,
)


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


Name = tuple[str, str]  # of a group, and of a lane in it
Records = dict[str, dict[str, Record]]  # by both


def play(
    lanes: Sequence[Lane],
    contestants: Sequence[Contestant],
    *,
    rounds: int,
    warm_up: float,
    until: float,
) -> Records:
    """What each lane did.

    Args:
      lanes: in the order in which a process warms up, the most worth first.
      contestants: the processes.
      rounds: turns that count, of each lane.
      warm_up: seconds, after which no lane begins to, at most half of what is left; who is not
        ready soon after, or has failed, is left out.
      until: when to end (`time.time`): groups that would begin later are left out.
    """
    with contextlib.ExitStack() as stack:
        children = {c.name: stack.enter_context(started(c)) for c in contestants}
        seconds = min(warm_up, (until - time.time()) / 2)
        first = _warm_up(lanes, children, time.time() + seconds)
        records: Records = {}
        for group in dict.fromkeys(lane.group for lane in lanes):
            members = [lane for lane in lanes if lane.group == group]
            records[group] = _rounds(members, children, first, rounds, until)
        for child in children.values():
            child.process.kill()  # there is nothing to wait for
        return records


def _warm_up(
    lanes: Sequence[Lane], children: Mapping[str, Child], until: float
) -> dict[Name, Answer]:
    """The first answer of each lane that gave one in time."""
    answers: dict[Name, Answer] = {}

    def serve(process: str) -> None:
        for lane in lanes:
            if lane.process == process and time.time() < until:
                answers[lane.group, lane.name] = ask(children[process], lane.work)

    with ThreadPoolExecutor(len(children)) as pool:
        waiting = {name: pool.submit(serve, name) for name in children}
        for name, future in waiting.items():
            with contextlib.suppress(TimeoutError):
                future.result(max(until + _GRACE - time.time(), 0.0))
            if not future.done():
                children[name].process.kill()  # and its answer is how it ended
    return answers


def _rounds(
    lanes: Sequence[Lane],
    children: Mapping[str, Child],
    first: Mapping[Name, Answer],
    rounds: int,
    until: float,
) -> dict[str, Record]:
    given = {lane.name: [first.get((lane.group, lane.name), _LATE)] for lane in lanes}
    for _ in range(rounds):
        for lane in lanes:
            answers, child = given[lane.name], children[lane.process]
            if "failed" not in answers[-1]:
                answers.append(ask(child, lane.work) if time.time() < until else _OUT)
    return {name: as_record(answers) for name, answers in given.items()}


_GRACE = 20.0
_LATE: Answer = {"failed": "not ready in time"}
_OUT: Answer = {"failed": "no time was left"}
