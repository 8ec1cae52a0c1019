"""Files, each written whole or not at all; of several hosts by the first one alone."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from vae_jax import hosts


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of what is there, all of it or nothing; raises as `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write into, which takes the place of what is there once it is whole.

    Raises:
      OSError: it cannot be written; the message names it and the reason.
    """
    if not hosts.is_first():
        yield io.BytesIO()
        return
    with _named(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        part = Path(name)
        try:
            with open(descriptor, "wb") as file:
                yield file
            part.chmod(0o644)  # mkstemp's are private
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def remove(path: Path) -> None:
    """Remove a file, where there is one."""
    if hosts.is_first():
        path.unlink(missing_ok=True)


def append(path: Path, line: bytes) -> None:
    """Add a line, all of it or nothing; raises as `replacing`."""
    if not hosts.is_first():
        return
    with _named(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            while line:  # where a disk fills up, the first part of it fits, and the next says why
                line = line[file.write(line) :]
        except BaseException:
            file.truncate(size)
            raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise type(error)(
            f"{path} could not be written ({error.strerror or error}): make room, or name a place"
            " that is there and can be written to."
        ) from error
