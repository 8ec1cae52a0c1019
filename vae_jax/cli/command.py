"""What every command shares: its options, its errors, its exit status."""

import argparse
import contextlib
import functools
import logging
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import absl.logging

from vae_jax import devices, hosts
from vae_jax.cli import options
from vae_jax.cli.joined import joined, left
from vae_jax.cli.signals import INTERRUPTED, Interrupted, handled
from vae_jax.cli.streams import tell
from vae_jax.configs import Config

Configs: TypeAlias = Mapping[str, Config] | None

_LATE = "Event loop is closed"
_MORE = """--devices N: on so many of the machine's devices, the first; by default on all of them.
--hosts ADDRESS:PORT,N,I: as process I of N on as many machines, 0 of which has the address;
--hosts auto where a TPU slice, SLURM or Open MPI says which they are.
Exit status: 0; 1 for an error, told on stderr (with --debug by its traceback); 2 for
options that are not understood; 130 for Ctrl-C, 75 for SIGTERM or SIGHUP."""


def run(
    function: Callable[..., int | None],
    arguments: Sequence[str] | None,
    prog: str,
    about: str,
    configs: Configs = None,
) -> int:
    """Call a function with what the command line says; the exit status.

    Args:
      function: its signature and docstring are the options; it returns an exit status, or None.
      arguments: without the program's name; None for those of this process.
      prog: what the program is called in its help.
      about: the first part of its help.
      configs: of a script, by name: what the function is called with besides its options.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if not debug:
        # orbax tells every error there as well
        absl.logging.set_verbosity(absl.logging.FATAL)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        _hush()
    given, on = _devices([argument for argument in arguments if argument != "--debug"])
    try:
        with handled(), _warned(debug):
            call = options.parse(function, given, prog, f"{about.strip()}\n\n{_MORE}")
            # anew, since JAX has a handler of its own for those that join
            with joined(on.hosts), handled(), _on(on.devices):
                return call(**({} if configs is None else {"configs": configs})) or 0
    except Interrupted as interrupted:
        return left(interrupted.status)
    except KeyboardInterrupt:
        return left(INTERRUPTED)
    except Exception as error:
        return left(_failed(error, debug))


def fail(message: str, status: int = 1) -> int:
    """Say what is wrong on stderr; the exit status."""
    tell(f"error: {message}")
    return status


def _devices(arguments: Sequence[str]) -> tuple[list[str], argparse.Namespace]:
    """The other arguments, and what --devices and --hosts say."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--devices", default="all")
    parser.add_argument("--hosts")
    found, rest = parser.parse_known_args(arguments)
    return rest, found


def _on(number: str) -> contextlib.AbstractContextManager[None]:
    if number == "all":
        return contextlib.nullcontext()
    if not number.isdecimal():
        raise ValueError(f"--devices is a number of devices, or all; got {number!r}.")
    return devices.only(int(number))


@contextlib.contextmanager
def _warned(debug: bool) -> Iterator[None]:
    """Warnings are a line on stderr, as errors are; with --debug Python's own two."""

    def show(message: Warning | str, *where: Any, **file: Any) -> None:
        if hosts.is_first():
            tell(f"warning: {message}")

    with warnings.catch_warnings():
        if not debug:
            warnings.showwarning = show
        yield


@functools.cache  # once in a process
def _hush() -> None:
    """Leave out what orbax's threads say when they come late to a checkpoint that was refused."""
    except_hook, unraisable_hook = sys.excepthook, sys.unraisablehook

    def hook(kind: Any, error: Any, trace: Any) -> None:
        if _LATE not in str(error):
            except_hook(kind, error, trace)

    def unraisable(told: Any) -> None:
        if _LATE not in str(told.exc_value):
            unraisable_hook(told)

    sys.excepthook, sys.unraisablehook = hook, unraisable


def _failed(error: Any, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
        return 1
    return fail(options.spelt(" ".join(_told(error).split())))


def _told(error: Exception) -> str:
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return (
            f"There is not memory enough ({error or 'no more is said'}). Less is needed by fewer or"
            " smaller layers, a smaller batch, and fewer draws or examples at once."
        )
    kinds = ValueError | TypeError | OSError | ImportError | ArithmeticError | hosts.ElsewhereError
    expected = isinstance(error, kinds)
    return str(error) if expected else f"{type(error).__name__}: {error} (see --debug)"
