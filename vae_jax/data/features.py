"""What a folder prepared by tensorflow-datasets says of itself, looked at before TFDS sees it.

`features.json` names Python classes, and TFDS imports the module of each: a folder from elsewhere
could so run any code that lies on the path. TFDS's own feature classes are let through alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NAMES = ("pythonClassName", "python_class_name", "type")  # the last is how older folders say it


def check_features(folder: Path) -> None:
    """ValueError where features.json is damaged or names a class that is not TFDS's own."""
    path = folder / "features.json"
    if not path.is_file():
        raise ValueError(f"{folder} has no features.json: it is unfinished. Prepare it again.")
    others = set(_class_names(read_json(path))) - _own_classes()
    if others:
        raise ValueError(
            f"{path} names {', '.join(sorted(others))}, which is no feature of tensorflow-datasets"
            " itself, and would be imported: code of others is not run to read data."
        )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; ValueError, with the file, where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}). Prepare the set again.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no JSON object. Prepare the set again.")
    return found


def _class_names(node: Any) -> Iterator[str]:
    """Every class that is named in a JSON value, and in the JSON that its texts hold."""
    if isinstance(node, str) and node.lstrip().startswith("{"):
        yield from _class_names(_parsed(node))
    elif isinstance(node, list):
        for value in node:
            yield from _class_names(value)
    elif isinstance(node, dict):
        yield from (node[name] for name in _NAMES if isinstance(node.get(name), str))
        for value in node.values():
            yield from _class_names(value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # no JSON, and not read as such


def _own_classes() -> set[str]:
    import tensorflow_datasets as tfds

    base = tfds.features.FeatureConnector
    classes = [c for c in vars(tfds.features).values() if isinstance(c, type)]
    own = [c for c in classes if issubclass(c, base) and c is not base]
    aliases = [alias for c in own for alias in vars(c).get("ALIASES", [])]
    return {f"{c.__module__}.{c.__name__}" for c in own} | set(aliases)
