"""What a run prints: a courtesy, without which it goes on where nobody can be told any more."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Forgiving:
    """A stream that is written to for as long as it can be; what comes after goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write; the length of the text, whatever becomes of it."""
        with self._forgiven():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush."""
        with self._forgiven():
            self._stream.flush()

    @contextlib.contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # what the stream still holds would fail again, up to the end of the process
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            tell(f"What is printed is lost from here on ({error.strerror}); the run goes on.")


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """For as long as a run is watched: a pipe that nobody reads any more, a terminal that was
    closed, a full disk cost what is printed, and not the run."""
    with contextlib.redirect_stdout(Forgiving(sys.stdout)):
        yield


def tell(text: str) -> None:
    """A line on stderr, where that can be written."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
