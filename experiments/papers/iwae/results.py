"""The file of finished cells, and the table that is made of it."""

import contextlib
import fcntl
import os
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.papers.iwae.rows import ROWS, Row
from vae_jax.runs import folder as files

Json = dict[str, Any]

_HEAD = ("row", "published", "protocol", "ours", "-ELBO", "active units", "training, machine")
_NAMES = ("row", "protocol", "seed", "settings", "machine", "products")


def load(path: Path) -> list[Json]:
    """The finished cells, [] where there is no file yet."""
    return files.read_json(path)["cells"] if path.exists() else []


def merge(path: Path, result: Json) -> None:
    """Put a finished cell into the file, in the place of an earlier one of the same settings.

    Several processes may do so at once: they wait for each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        others = [cell for cell in load(path) if _identity(cell) != _identity(result)]
        cells = sorted([*others, result], key=lambda cell: list(map(str, _identity(cell))))
        files.write_json(path, {"cells": cells})


def table(cells: Sequence[Json]) -> str:
    """Markdown: every row of the published tables, with the cells of each protocol, settings and
    machine.

    Those that were run come first. In brackets: published active units, of each layer. "ours" and
    "-ELBO" are means over seeds, nats, with the standard deviation over seeds.
    """
    run: list[tuple[str, ...]] = []
    not_run: list[tuple[str, ...]] = []
    for row in ROWS.values():
        groups = _by_settings([cell for cell in cells if cell["row"] == row.name])
        run += [_line(row, group) for group in groups]
        if not groups:
            not_run.append((row.name, _published(row), "", "not run", "", "", ""))
    lines = [_HEAD, ("---",) * len(_HEAD), *run, *not_run]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _line(row: Row, cells: Sequence[Json]) -> tuple[str, ...]:
    seeds = f"{len(cells)} seed{'s' if len(cells) > 1 else ''}"
    nll, elbo = (
        _mean_and_deviation([cell[name]["value"] for cell in cells])
        for name in ("nll", "negative_elbo")
    )
    units = ", ".join("+".join(map(str, cell["active_units"]["numbers"])) for cell in cells)
    return (
        row.name,
        _published(row),
        _protocol(cells[0]),
        f"{nll} ({seeds})",
        elbo,
        units,
        _training(cells),
    )


def _training(cells: Sequence[Json]) -> str:
    """How long, on what, and by what products: JAX's default ones are of float32 on a CPU."""
    minutes = statistics.mean(cell["training_seconds"] for cell in cells) / 60
    seeds, machine = (cells[0][name] for name in ("seeds_at_once", "machine"))
    together = "" if seeds == 1 else f" for {seeds} seeds at once"
    products = "" if machine == "cpu" else f", {cells[0]['products']['training']} products"
    return f"{minutes:.1f} min{together}, {machine}{products}"


def _mean_and_deviation(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} +- {statistics.stdev(values):.2f}"


def _published(row: Row) -> str:
    units = row.published_units
    return f"{row.published:.2f}" + ("" if units is None else f" [{'+'.join(map(str, units))}]")


def _protocol(cell: Json) -> str:
    settings = cell["settings"]
    passes = "1 pass" if settings["epochs"] == 1 else f"{settings['epochs']} passes"
    text = (
        f"{cell['protocol']}: {passes}, batches of {settings['batch_size']},"
        f" {settings['learning_rate']:g}"
    )
    return text if settings["average"] is None else f"{text}, average {settings['average']:g}"


def _by_settings(cells: Sequence[Json]) -> list[list[Json]]:
    groups: dict[str, list[Json]] = {}
    for cell in cells:
        names = ("protocol", "settings", "machine", "products", "seeds_at_once")
        groups.setdefault(str([cell[name] for name in names]), []).append(cell)
    return list(groups.values())


def _identity(cell: Json) -> list[Any]:
    return [cell[name] for name in _NAMES]
