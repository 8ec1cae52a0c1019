"""The lock of a run folder: one process at a time trains it, or several hosts together."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from vae_jax import hosts
from vae_jax.runs.folder import check_folder

NAME = ".lock"  # a file of its own, which nobody edits: an editor puts a new file in the place of
# the old one, and with that goes its lock


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """For one process at a time; freed when it ends, however it ends. Of several hosts the first
    one holds it.

    Raises:
      FileNotFoundError: it is no run folder.
      BlockingIOError: another process trains it.
      OSError: nothing can be written there.
      ImportError: the system has no such locks.
    """
    with contextlib.ExitStack() as stack:
        hosts.agreed(lambda: _hold(folder, stack))
        yield


def _hold(folder: Path, stack: contextlib.ExitStack) -> None:
    check_folder(folder)
    try:
        import fcntl
    except ImportError as error:  # Windows: all else can be had there
        raise ImportError(
            "A run folder is locked by fcntl, which this system does not have: train on Linux or"
            " macOS, or call vae_jax.fit, which locks nothing."
        ) from error
    file = stack.enter_context(_opened(folder))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(f"{folder} is being trained by another process.") from error


def _opened(folder: Path) -> IO[bytes]:
    try:
        return (folder / NAME).open("ab")
    except OSError as error:
        raise type(error)(
            f"{folder} cannot be trained, as nothing can be written there ({error.strerror}): make"
            " it writable, or go on with a copy of it."
        ) from error
