"""The file of finished cells, and the table that is made of it."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.papers.iwae.rows import ROWS, Row
from vae_jax.runs import folder as files

Json = dict[str, Any]

_HEAD = ("row", "published", "protocol", "ours", "-ELBO", "active units", "minutes, machine")
_NAMES = ("row", "protocol", "seed", "settings")


def load(path: Path) -> list[Json]:
    """The finished cells, [] where there is no file yet."""
    return files.read_json(path)["cells"] if path.exists() else []


def merge(path: Path, result: Json) -> None:
    """Put a finished cell into the file, in the place of an earlier one of the same settings."""
    others = [cell for cell in load(path) if _identity(cell) != _identity(result)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = sorted([*others, result], key=lambda cell: list(map(str, _identity(cell))))
    files.write_json(path, {"cells": cells})


def table(cells: Sequence[Json]) -> str:
    """Markdown: every row of the published tables, with the cells of each protocol and settings.

    "ours" and "-ELBO" are means over seeds, nats, with the standard deviation over seeds.
    """
    lines = [_HEAD, ("---",) * len(_HEAD)]
    for row in ROWS.values():
        groups = _by_settings([cell for cell in cells if cell["row"] == row.name])
        lines += [_line(row, group) for group in groups]
        if not groups:
            lines.append((row.name, _published(row), "", "not run", "", "", ""))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(row: Row, cells: Sequence[Json]) -> tuple[str, ...]:
    seeds = f"{len(cells)} seed{'s' if len(cells) > 1 else ''}"
    nll, elbo = (
        _mean_and_deviation([cell[name]["value"] for cell in cells])
        for name in ("nll", "negative_elbo")
    )
    units = ", ".join("+".join(map(str, cell["active_units"]["numbers"])) for cell in cells)
    minutes = statistics.mean(cell["training_seconds"] for cell in cells) / 60
    machines = " and ".join(sorted({cell["machine"] for cell in cells}))
    return (
        row.name,
        _published(row),
        _protocol(cells[0]),
        f"{nll} ({seeds})",
        elbo,
        units,
        f"{minutes:.1f}, {machines}",
    )


def _mean_and_deviation(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} +- {statistics.stdev(values):.2f}"


def _published(row: Row) -> str:
    units = row.published_units
    return f"{row.published:.2f}" + ("" if units is None else f" [{'+'.join(map(str, units))}]")


def _protocol(cell: Json) -> str:
    settings = cell["settings"]
    text = (
        f"{cell['protocol']}: {settings['epochs']} passes, batches of {settings['batch_size']},"
        f" {settings['learning_rate']:g}"
    )
    return text if settings["average"] is None else f"{text}, average {settings['average']:g}"


def _by_settings(cells: Sequence[Json]) -> list[list[Json]]:
    groups: dict[str, list[Json]] = {}
    for cell in cells:
        groups.setdefault(f"{cell['protocol']} {cell['settings']}", []).append(cell)
    return list(groups.values())


def _identity(cell: Json) -> list[Any]:
    return [cell[name] for name in _NAMES]
