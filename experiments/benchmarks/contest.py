"""Contests: the same work done by several programs in turn, A B C A B C.

A contestant is a process of its own, in an environment of its own. It reads one line for each
turn, {..., "contestant": its name, "steps": how many}, does the work, and answers with one line,
{"seconds": of one step, "value": what it computed} or {"failed": the reason}. Meanwhile the others
wait for their input, and take no time from it. `serve` is the contestant's side of this.

Only the standard library is imported here.
"""

import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

ROOT = Path(__file__).parents[2]
NOT_RUN = "not run"

Work = dict[str, Any]
Answer = dict[str, Any]
Turn = Callable[[], float]  # does all steps of a turn; returns what contestants should agree on

SILENT: Answer = {"failed": "no answer in time"}

_FEW = 3  # steps by which to find out how long one takes
_LEAST, _MOST = 20, 400  # steps of a turn: what is done once a turn should not count


# For everyone, where the peers' environment knows no other device.
PROCESSORS = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}


class Contestant(NamedTuple):
    """A program that serves turns: its name, the command that starts it, its environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = PROCESSORS


class Record(NamedTuple):
    """What a contestant did.

    Fields:
      seconds: of one step, a number for each round.
      values: what it computed, likewise.
      failed: why it did not, or None.
    """

    seconds: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    failed: str | None = None


class Contest(NamedTuple):
    """The steps of a turn, and each contestant's record under its name."""

    steps: int
    records: dict[str, Record]


class Child(NamedTuple):
    """A contestant's process, and the file of what it says on stderr."""

    process: subprocess.Popen[str]
    complaints: IO[str]


def contest(
    contestants: Sequence[Contestant],
    work: Work,
    *,
    rounds: int,
    seconds: float = 0.7,
    steps: int | None = None,
    pause: float = 0.1,
) -> Contest:
    """Let the contestants do the work in turn: a turn each to warm up, then the rounds.

    Args:
      contestants: the first is the one whose speed decides how long a turn is.
      work: what they are told, besides their name and the steps of a turn.
      rounds: turns of each contestant that count.
      seconds: of a turn of the first contestant, about.
      steps: of a turn, where that is not to be found out.
      pause: seconds of rest before a turn, in which the threads of the last one come to an end.

    Returns:
      Contest. One who fails is left out from then on, and what it did before does not count.
    """
    with contextlib.ExitStack() as stack:
        children = {c.name: stack.enter_context(started(c)) for c in contestants}

        def turn(name: str, steps: int) -> Answer:
            time.sleep(pause)
            return ask(children[name], {**work, "contestant": name, "steps": steps})

        steps = steps or _steps_of([turn(contestants[0].name, _FEW) for _ in range(2)][1], seconds)
        answers: dict[str, list[Answer]] = {name: [] for name in children}
        for _ in range(1 + rounds):
            for name, given in answers.items():
                if not (given and "failed" in given[-1]):
                    given.append(turn(name, steps))
    return Contest(steps, {name: as_record(given) for name, given in answers.items()})


def ratio(record: Record, ours: Record) -> float | None:
    """The median over rounds of its time / our time; None where one of them failed."""
    if record.failed or ours.failed:
        return None
    return statistics.median(
        its / own for its, own in zip(record.seconds, ours.seconds, strict=True)
    )


def measured(record: Record, ours: Record, count: int) -> Work:
    """What is saved of a contestant: medians, ratios, and every number they are made of.

    Args:
      record: of what it did.
      ours: of what it is compared with.
      count: operations of a step.
    """
    if record.failed:
        return {"failed": record.failed}
    median = statistics.median(record.seconds)
    return {
        "seconds": median,
        "gflops": count / median / 1e9,
        "times_ours": ratio(record, ours),
        "loss": record.values[-1],
        "every_seconds": record.seconds,
        "every_loss": record.values,
    }


def serve(prepare: Callable[[Work], Turn]) -> None:
    """Be a contestant: answer turns until the input ends.

    Args:
      prepare: what makes a turn of some work. It is called once for each work, so that a model
        goes on training from turn to turn.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    turns: dict[str, Turn] = {}
    for line in sys.stdin:
        work = json.loads(line)
        try:
            if line not in turns:
                turns[line] = prepare(work)
            answer = _timed(turns[line], work["steps"])
        except Exception as error:  # whatever it is, it is reported, and the others go on
            answer = {"failed": reason(error)}
        print(json.dumps(answer), file=answers, flush=True)


def cores() -> int:
    """How many threads every contestant may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _timed(turn: Turn, steps: int) -> Answer:
    start = time.perf_counter()
    value = turn()
    return {"seconds": (time.perf_counter() - start) / steps, "value": value}


def reason(error: BaseException) -> str:
    """An error in a line."""
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]


@contextlib.contextmanager
def started(contestant: Contestant) -> Iterator[Child]:
    """A contestant's process, which ends when its input does."""
    with (
        tempfile.TemporaryFile("w+", errors="replace") as complaints,
        subprocess.Popen(
            contestant.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            cwd=ROOT,
            env={**os.environ, **contestant.environment},
        ) as process,
    ):
        try:
            yield Child(process, complaints)
        except BaseException:
            process.kill()
            raise
        finally:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # of what one who has ended never read
                process.stdin.close()


def ask(child: Child, work: Work, patience: float | None = None) -> Answer:
    """Its answer to some work; {"failed": its last words} where it has ended.

    Args:
      child: who is asked.
      work: what it is told.
      patience: seconds after which it is ended, its answer `SILENT`; None to wait for ever.
    """
    process = child.process
    assert process.stdin is not None
    assert process.stdout is not None
    if process.poll() is not None:
        return _last_words(child)
    with contextlib.suppress(BrokenPipeError):  # it has ended: its last words tell why
        print(json.dumps(work), file=process.stdin, flush=True)
    if not select.select([process.stdout], [], [], patience)[0]:
        process.kill()
        return SILENT
    line = process.stdout.readline()
    answer: Answer = json.loads(line) if line else _last_words(child)
    return answer


def _last_words(child: Child) -> Answer:
    process, complaints = child
    status = process.wait()
    complaints.seek(0)
    words = complaints.read().strip().splitlines() or ["it said nothing"]
    return {"failed": f"ended with status {status}: {words[-1]}"[:200]}


def _steps_of(answer: Answer, seconds: float) -> int:
    wanted = seconds / answer["seconds"] if answer.get("seconds") else _LEAST
    return round(min(max(wanted, _LEAST), _MOST))


def as_record(answers: Sequence[Answer]) -> Record:
    """What was answered to a turn that warms up and those that count."""
    if "failed" in answers[-1]:
        return Record(failed=answers[-1]["failed"])
    counted = answers[1:]
    return Record(tuple(a["seconds"] for a in counted), tuple(a["value"] for a in counted))
