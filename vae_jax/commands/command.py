"""What every command shares: its options, its errors, its exit status."""

import gc
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import absl.logging

from vae_jax.commands import options
from vae_jax.commands.signals import INTERRUPTED, Interrupted

_MORE = """Exit status: 0; 1 for an error, told on stderr (with --debug by its traceback); 2 for
options that are not understood."""


def run(
    function: Callable[..., int | None], arguments: Sequence[str] | None, prog: str, about: str
) -> int:
    """Call a function with what the command line says; the exit status.

    Args:
      function: its signature and docstring are the options; it returns an exit status, or None.
      arguments: without the program's name; None for those of this process.
      prog: what the program is called in its help.
      about: the first part of its help.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    if not debug:
        absl.logging.set_verbosity(absl.logging.FATAL)  # orbax tells every error there as well
    given = [argument for argument in arguments if argument != "--debug"]
    call = options.parse(function, given, prog, f"{about.strip()}\n\n{_MORE}")
    try:
        return call() or 0
    except Interrupted as interrupted:
        return interrupted.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _failed(error, debug)


def fail(message: str, status: int = 1) -> int:
    """Say what is wrong on stderr; the exit status."""
    print(f"error: {message}", file=sys.stderr)
    return status


def _drop(error: BaseException) -> None:
    """Forget what led to an error, in silence.

    orbax leaves coroutines in it that were never awaited, and each would be told of on stderr.
    """
    hook, sys.unraisablehook = sys.unraisablehook, lambda told: None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        error.__traceback__ = error.__cause__ = error.__context__ = None
        gc.collect()
    sys.unraisablehook = hook


def _failed(error: Any, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
        return 1
    expected = isinstance(error, ValueError | TypeError | OSError | ImportError | ArithmeticError)
    _drop(error)
    text = str(error) if expected else f"{type(error).__name__}: {error} (see --debug)"
    return fail(options.spelt(" ".join(text.split())))
