"""The columns of a CSV file."""

import csv
import io
from collections.abc import Collection
from pathlib import Path

from vae_jax.data.columns import Column, check_names, column_of_texts, number_in
from vae_jax.data.text import decode_text

_DELIMITERS = (",", ";", "\t")


def read_csv(path: Path, leave_out: Collection[str], gaps: bool) -> list[Column]:
    """The columns of a file in UTF-8; raises as `read_table`."""
    rows = _cells(path)
    names = _names(rows[0], path)
    if names is None:
        names = [f"x{d}" for d in range(len(rows[0]))]
    else:
        del rows[0]
    if not rows:
        raise ValueError(f"{path} has a line of names and no row.")
    check_names(names, leave_out, str(path))
    return [
        column_of_texts(name, cells, str(path), gaps)
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
        if name not in leave_out
    ]


def _cells(path: Path) -> list[list[str]]:
    """The rows of a file, all of one length; empty lines are passed over."""
    text = decode_text(path)
    delimiter = max(_DELIMITERS, key=text.split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row and rows and len(row) != len(rows[0]):
                raise ValueError(f"it has {len(row)} cells, and the first has {len(rows[0])}")
            rows += [row] if row else []
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}.") from error
    if not rows:
        raise ValueError(f"{path} is empty.")
    return rows


def _names(first: list[str], path: Path) -> list[str] | None:
    """The names of the columns, if the first row holds them: if no cell of it is a number."""
    cells = [cell.strip() for cell in first]
    numbers = [number_in(cell) is not None for cell in cells]
    if not any(numbers):
        return cells
    if all(numbers):
        return None
    raise ValueError(
        f"{path}: the first row, {', '.join(cells)}, has numbers and texts, and may be of names or"
        " of values. Put a row of names, none of them a number, above the values."
    )
