"""Rows of a table as an event of a model, and back."""

import math
from typing import NamedTuple

import numpy as np

from vae_jax.data import Rows, Standardise, Table, standardise
from vae_jax.show import Cells
from vae_jax.types import Event

_LARGEST = 2**24  # of a count: float32 has all whole numbers up to it
_LEAST_DIGITS = 4  # of a number in a picture


class Columns(NamedTuple):
    """What is kept of a table.

    Fields:
      numbers: the names of the columns of numbers.
      classes: of the columns of text, by name, their texts.
      units: of the numbers.
      counts: whether the numbers are counts, which are scored as they are.
    """

    numbers: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    units: Standardise
    counts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns: first those of numbers."""
        return (*self.numbers, *self.classes)


def columns_of(table: Table, counts: bool = False) -> Columns:
    """The columns of a table, in units of its training rows; ValueError where one has no scale."""
    train, _ = table.divide()
    units = standardise(train.numbers, table.numbers) if table.numbers else Standardise((), ())
    return Columns(table.numbers, table.classes, units, counts)


def as_columns(table: Table, columns: Columns, what: str) -> Table:
    """The table, its texts by their places in `columns`.

    Raises:
      ValueError: the columns are others, a text is unknown, or a number is no count.
    """
    if (table.numbers, tuple(table.classes)) != (columns.numbers, tuple(columns.classes)):
        raise ValueError(
            f"{what} has numbers in {', '.join(table.numbers) or 'no column'} and text in"
            f" {', '.join(table.classes) or 'none'}; the model's are"
            f" {', '.join(columns.numbers) or 'no column'} and"
            f" {', '.join(columns.classes) or 'none'}."
        )
    if columns.counts:
        _check_counts(table, what)
    codes = table.every.codes.copy()
    for k, (name, texts) in enumerate(columns.classes.items()):
        if unknown := set(table.classes[name]) - set(texts):
            raise ValueError(
                f"{what}: column {name!r} has {min(unknown)!r}, and the model knows"
                f" {', '.join(texts)}."
            )
        known = np.array([texts.index(text) for text in table.classes[name]], np.int32)
        codes[:, k] = known[codes[:, k]]
    return table._replace(every=table.every._replace(codes=codes))


def to_event(rows: Rows, columns: Columns) -> Event:
    """Rows as the model has them: standardised numbers, or counts, [N, D]; of a table with text
    {"numbers": [N, D], "classes": ([N], ...)}, without numbers where there are none."""
    standard = columns.units.apply(rows.numbers)
    numbers = rows.numbers.astype(np.float32) if columns.counts else standard
    if not columns.classes:
        return numbers
    classes = {"classes": tuple(rows.codes.T)}
    return {"numbers": numbers, **classes} if columns.numbers else classes


def from_event(x: Event, columns: Columns) -> Event:
    """As they stand in the file: [N, D]; or {"numbers": [N, D], "classes": {name: texts [N]}}."""
    numbers, texts = _apart(x, columns)
    numbers = numbers if columns.counts else columns.units.undo(numbers)
    if not columns.classes:
        return numbers
    classes = {"classes": dict(zip(columns.classes, texts.T, strict=True))}
    return {"numbers": numbers, **classes} if columns.numbers else classes


def cells(x: Event, columns: Columns) -> Cells:
    """What the cells are coloured by, none of text, and what is written in them."""
    numbers, texts = _apart(x, columns)
    if columns.counts:
        shades = columns.units.apply(numbers)
    else:
        shades, numbers = numbers, columns.units.undo(numbers)
    digits = _digits(columns.units)
    written = [
        [*map(_spelt, row, digits), *line]
        for row, line in zip(numbers, texts.tolist(), strict=True)
    ]
    return np.concatenate([shades, np.full(texts.shape, np.nan)], axis=1), written


def _check_counts(table: Table, what: str) -> None:
    x = table.every.numbers
    bad = (x < 0) | (x != np.floor(x)) | (x > _LARGEST)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{what}: column {table.numbers[column]!r} has {x[row, column]:g} in row {row + 1}, and"
            f" counts are whole numbers of 0 .. {_LARGEST:,}: leave the column out (leave_out,"
            " --leave-out), or choose likelihood='gaussian'."
        )


def _digits(units: Standardise) -> list[int]:
    """Of a number of each column, such that two of them differ where rows do."""
    sizes = zip(units.mean, units.scale, strict=True)
    return [_LEAST_DIGITS + max(0, math.ceil(math.log10(abs(m) / s + 1)) - 2) for m, s in sizes]


def _spelt(value: float, digits: int) -> str:
    """So many digits; of a number below ten millions all of those before the point at least."""
    whole = len(f"{abs(value):.0f}") if abs(value) < 1e7 else 0
    return f"{value:.{max(digits, whole)}g}"


def _apart(x: Event, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Standardised numbers [N, D], and texts [N, K]."""
    if not columns.classes:
        return np.asarray(x), np.empty((len(x), 0), str)
    found = zip(columns.classes.values(), x["classes"], strict=True)
    texts = np.stack([np.asarray(texts)[np.asarray(codes)] for texts, codes in found], axis=1)
    return np.asarray(x.get("numbers", np.empty((len(texts), 0)))), texts
