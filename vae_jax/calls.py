"""Functions that are given: whether they can be called as they will be."""

import inspect
from typing import Any


def check_takes(what: str, f: Any, *arguments: str, hint: str = "") -> None:
    """TypeError unless `f` is a function of these arguments, by position.

    Args:
      what: what it is, for the message: "prepare".
      f: a function, or anything else that is called.
      arguments: the names of what it is called with.
      hint: a sentence more.
    """
    called = f"{what} is called with ({', '.join(arguments)})"
    if not callable(f):
        raise TypeError(f"{called}; got {type(f).__name__} {f!r}"[:200] + f". {hint}".rstrip())
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # some that are written in C cannot be asked
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        name = getattr(f, "__name__", type(f).__name__)
        raise TypeError(f"{called}; {name}{signature} takes others. {hint}".rstrip()) from error
