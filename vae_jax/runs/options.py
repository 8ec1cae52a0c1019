"""The options of a config as config.json has them, and back."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

Json = dict[str, Any]


def to_json(options: Json) -> Json:
    """As JSON has them: tuples are lists, paths strings, dataclasses objects."""
    return {name: _stored(value) for name, value in options.items()}


def from_json(config: Callable[..., Any], options: Json) -> Json:
    """As a config wants them, by the types of its signature."""
    kinds = get_type_hints(config)
    return {name: _restored(kinds.get(name), value) for name, value in options.items()}


def _stored(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _stored(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return list(map(_stored, value))
    return str(value) if isinstance(value, Path) else value


def _restored(kind: Any, value: Any) -> Any:
    if isinstance(value, dict) and isinstance(kind, type):
        return kind(**from_json(kind, value))
    if isinstance(value, list):
        return tuple(_restored(None, part) for part in value)
    return Path(value) if isinstance(value, str) and Path in (kind, *get_args(kind)) else value
