"""What a run does when it is told to end: SIGTERM (pre-emption), SIGHUP (its terminal was closed),
SIGINT (Ctrl-C)."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Exit statuses: 75 is EX_TEMPFAIL of sysexits.h, "try again", 130 what shells give for Ctrl-C.
INTERRUPTED = 130
STATUS = {signal.SIGTERM: 75, signal.SIGINT: INTERRUPTED}
if hasattr(signal, "SIGHUP"):  # on Windows there is none
    STATUS[signal.SIGHUP] = 75


class Interrupted(BaseException):
    """A signal, where there is nothing to be saved. No Exception: nobody should handle it."""

    def __init__(self, number: int):
        super().__init__(number)
        self.status = STATUS[signal.Signals(number)]


class Signals:
    """Signals as they come: asked for while `waiting`, raised as Interrupted otherwise; the one
    after that ends the process as it stands, wherever it was on its way out."""

    def __init__(self) -> None:
        self.waiting = False
        self._received: int | None = None
        self._raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._raised:
            os._exit(STATUS[signal.Signals(number)])
        if not self.waiting or self._received is not None:  # the second time they mean it
            self._raised = True
            raise Interrupted(number)
        self._received = number

    def received(self) -> bool:
        """Whether there was one."""
        return self._received is not None

    @property
    def number(self) -> int:
        """That of the signal; 0 where there was none."""
        return self._received or 0

    def hear(self, number: int) -> None:
        """Of a signal that another host was sent, as if it had come here."""
        if self._received is None and number:
            self._received = number

    def end_waiting(self) -> None:
        """From now on raise Interrupted; at once, where there was a signal."""
        self.waiting = False
        if self._received is not None:
            self._raised = True
            raise Interrupted(self._received)

    @property
    def status(self) -> int:
        """The exit status that tells of it."""
        return 0 if self._received is None else STATUS[signal.Signals(self._received)]


def heeded() -> list[signal.Signals]:
    """The signals that are; not SIGHUP where it is ignored, as under nohup."""
    return [number for number in STATUS if not _is_ignored(number)]


@contextmanager
def handled() -> Iterator[Signals]:
    """Signals, in the place of what is done with them outside; but in another thread than the main
    one nobody is told of any."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals) for number in heeded()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_ignored(number: signal.Signals) -> bool:
    hangup = getattr(signal, "SIGHUP", None)
    return number == hangup and signal.getsignal(number) == signal.SIG_IGN
