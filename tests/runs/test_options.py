"""Options of a config, as JSON and back."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from vae_jax.runs.options import from_json, to_json


@dataclass(frozen=True)
class Inner:
    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Choices:
    beta: float = 1.0
    inner: Inner = field(default_factory=Inner)


def config(
    *,
    data: Path,
    raw: Path | None = None,
    name: str = "data",
    shape: tuple[int, int] | None = None,
    choices: Choices = Choices(),
) -> None:
    """All kinds of options."""


def test_options_come_back_as_they_were():
    options = {
        "data": Path("a/b"),
        "raw": None,
        "name": "a/b",
        "shape": (3, 4),
        "choices": Choices(4.0, Inner((64, 32))),
    }
    kept = json.loads(json.dumps(to_json(options)))
    assert kept["choices"] == {"beta": 4.0, "inner": {"sizes": [64, 32]}}
    assert from_json(config, kept) == options
