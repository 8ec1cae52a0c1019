"""The command `vae_jax` as a process: what holds from its first moment to its last.

To import the library takes a second or more, in which signals come as well; and what was printed is
written at the very end, where a full disk would be a traceback. So this module imports nothing of
the library until it listens, and is no part of the package, whose import is that of JAX.
"""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import NoReturn

# as of vae_jax.cli.signals, which is there once it is imported
_STATUS = {signal.SIGTERM: 75, signal.SIGINT: 130}
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
    _STATUS[signal.SIGHUP] = 75  # but under nohup, which ignores it; on Windows there is none


def main() -> NoReturn:
    """`vae_jax <command>`."""
    run(partial(_call, "main"))


def command(name: str) -> Callable[..., int]:
    """The function `main(arguments)` of `python -m experiments.<name>`: it imports
    `vae_jax.cli.<name>` when it is called."""
    return partial(_call, name, prog=f"python -m experiments.{name}")


def run(call: Callable[[], int]) -> NoReturn:
    """End this process with the status of a call, quietly where a signal ends it."""
    for number in _STATUS:
        signal.signal(number, _end)
    _open_streams()
    try:
        status = call()
    except SystemExit as ended:  # of help, and of options that are not understood
        status = ended.code if isinstance(ended.code, int) else 0
    except OSError as error:
        status = _fail(error)
    sys.exit(_flushed(status))


def _call(name: str, arguments: Sequence[str] | None = None, **options: str) -> int:
    return importlib.import_module(f"vae_jax.cli.{name}").main(arguments, **options)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(_STATUS[signal.Signals(number)])  # there is nothing to be saved


def _open_streams() -> None:
    """Of a process that was started without them (`>&-`), to nowhere; and what they cannot spell,
    such as a plus-minus sign in the locale C, is a question mark."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="replace")


def _flushed(status: int) -> int:
    """The status, when all that was printed is written; 1 where it cannot be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush
        return status or _fail(error)
    return status


def _fail(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return 1  # who read it has had enough, as `head` has
    with contextlib.suppress(OSError):  # there may be nobody to be told
        print(f"error: {error}", file=sys.stderr, flush=True)
    return 1
