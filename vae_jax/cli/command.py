"""What every command shares: its options, its errors, its exit status."""

import functools
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import absl.logging

from vae_jax.cli import options
from vae_jax.cli.signals import INTERRUPTED, Interrupted, handled
from vae_jax.cli.streams import tell
from vae_jax.configs import Config

Configs: TypeAlias = Mapping[str, Config] | None

_LATE = "Event loop is closed"
_MORE = """Exit status: 0; 1 for an error, told on stderr (with --debug by its traceback); 2 for
options that are not understood; 130 for Ctrl-C, 75 for SIGTERM or
SIGHUP."""


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
    given = [argument for argument in arguments if argument != "--debug"]
    try:
        with handled():
            call = options.parse(function, given, prog, f"{about.strip()}\n\n{_MORE}")
            return call(**({} if configs is None else {"configs": configs})) or 0
    except Interrupted as interrupted:
        return interrupted.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _failed(error, debug)


def fail(message: str, status: int = 1) -> int:
    """Say what is wrong on stderr; the exit status."""
    tell(f"error: {message}")
    return status


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
    expected = isinstance(error, ValueError | TypeError | OSError | ImportError | ArithmeticError)
    return str(error) if expected else f"{type(error).__name__}: {error} (see --debug)"
