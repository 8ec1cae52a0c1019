"""Whether a value that was read from JSON is of the kind that a signature declares."""

import types
import typing
from collections.abc import Callable
from typing import Any, Literal


def kinds_of(declared: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function or a class, by name; none where they cannot be known here."""
    try:
        return typing.get_type_hints(declared)
    except NameError:  # names that are imported for a type checker alone
        return {}


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is a number, text, truth value, None, a literal or a tuple of these, as the
    annotation says; of any other annotation nothing is known, and every value fits."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return value in parts
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is typing.Annotated:
        return fits(value, parts[0])
    if origin is tuple and parts[-1] is Ellipsis:
        return isinstance(value, list | tuple) and all(fits(part, parts[0]) for part in value)
    if kind in (int, float):
        number = int if kind is int else int | float
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (str, bool, dict, list, type(None)) else True


def brief(value: Any) -> str:
    """A value in a message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def spelt(kind: Any) -> str:
    """An annotation in a message."""
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
