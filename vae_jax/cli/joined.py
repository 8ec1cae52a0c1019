"""A command as one of several processes that run it together: --hosts."""

import contextlib
import os
import sys
from collections.abc import Iterator

import jax

from vae_jax import hosts

_TOGETHER = 5.0  # seconds that one that failed waits for the others, who may have failed as it did
_SILENCE = 30  # seconds after which one that is not heard of is gone, and the others end


@contextlib.contextmanager
def joined(among: str | None) -> Iterator[None]:
    """Together with other processes: "auto", where the machines say which (a TPU slice, SLURM, Open
    MPI); or "ADDRESS:PORT,N,I", this is process I of N, of which process 0 is at the address. None
    is a process by itself, or one that has joined before. The first alone is heard on stdout.

    Raises:
      ValueError: it is none of these; the machines do not say it.
      ConnectionError: the others do not come.
    """
    if among is not None:
        _join(among)
    with contextlib.ExitStack() as stack:
        if not hosts.is_first():
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        yield
    if among is not None:  # here, where a signal that comes late does not keep the others waiting
        jax.distributed.shutdown()


def left(status: int) -> int:
    """The exit status of a process that failed; of several it ends here, since those that do not
    fail wait for it, and it would wait for them."""
    if hosts.several():
        hosts.within(_TOGETHER, jax.distributed.shutdown)
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(status)
    return status


def _join(among: str) -> None:
    if among == "auto":
        try:
            jax.distributed.initialize(heartbeat_timeout_seconds=_SILENCE)
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise ValueError(
                f"--hosts auto: nothing here says which processes belong together ({reason}): say"
                " it by --hosts ADDRESS:PORT,N,I."
            ) from error
        return
    address, number, index = _parsed(among)
    try:
        jax.distributed.initialize(address, number, index, heartbeat_timeout_seconds=_SILENCE)
    except RuntimeError as error:
        raise ConnectionError(f"{number} processes did not meet at {address} ({error}).") from error


def _parsed(among: str) -> tuple[str, int, int]:
    parts = among.split(",")
    numbers = [int(part) for part in parts[1:] if part.isdecimal()]
    if len(parts) != 3 or len(numbers) != 2 or not parts[0].rpartition(":")[2].isdecimal():
        raise ValueError(
            "--hosts is auto, or ADDRESS:PORT,N,I: process I of N, of which process 0 listens at"
            f" ADDRESS:PORT; got {among!r}."
        )
    number, index = numbers
    if not 0 <= index < number:
        raise ValueError(f"--hosts: of {number} processes I is 0 .. {number - 1}; got {index}.")
    return parts[0], number, index
