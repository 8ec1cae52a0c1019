"""Rows of a table as an event of a model, and back."""

import math
from typing import NamedTuple

import numpy as np

from vae_jax.data import Rows, Standardise, Table, standardise
from vae_jax.show import Cells
from vae_jax.types import Event

_LEAST_DIGITS = 4  # of a number in a picture


class Columns(NamedTuple):
    """What is kept of a table.

    Fields:
      numbers: the names of the columns of numbers.
      classes: of the columns of text, by name, their texts.
      units: of the numbers.
    """

    numbers: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    units: Standardise

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns: first those of numbers."""
        return (*self.numbers, *self.classes)


def columns_of(table: Table) -> Columns:
    """The columns of a table, in units of its training rows; ValueError where one has no scale."""
    train, _ = table.divide()
    units = standardise(train.numbers, table.numbers) if table.numbers else Standardise((), ())
    return Columns(table.numbers, table.classes, units)


def as_columns(table: Table, columns: Columns, what: str) -> Table:
    """The table, its texts by their places in `columns`.

    Raises:
      ValueError: the columns are others, or a text is unknown.
    """
    if (table.numbers, tuple(table.classes)) != (columns.numbers, tuple(columns.classes)):
        raise ValueError(
            f"{what} has numbers in {', '.join(table.numbers) or 'no column'} and text in"
            f" {', '.join(table.classes) or 'none'}; the model's are"
            f" {', '.join(columns.numbers) or 'no column'} and"
            f" {', '.join(columns.classes) or 'none'}."
        )
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
    """Rows as the model has them: standardised numbers [N, D]; of a table with text {"numbers":
    [N, D], "classes": ([N], ...)}, without numbers where there are none."""
    numbers = columns.units.apply(rows.numbers)
    if not columns.classes:
        return numbers
    classes = {"classes": tuple(rows.codes.T)}
    return {"numbers": numbers, **classes} if columns.numbers else classes


def from_event(x: Event, columns: Columns) -> Event:
    """As they stand in the file: [N, D]; or {"numbers": [N, D], "classes": {name: texts [N]}}."""
    numbers, texts = _apart(x, columns)
    numbers = columns.units.undo(numbers)
    if not columns.classes:
        return numbers
    classes = {"classes": dict(zip(columns.classes, texts.T, strict=True))}
    return {"numbers": numbers, **classes} if columns.numbers else classes


def cells(x: Event, columns: Columns) -> Cells:
    """What the cells are coloured by, none of text, and what is written in them."""
    shades, texts = _apart(x, columns)
    numbers, digits = columns.units.undo(shades), _digits(columns.units)
    written = [
        [*map(_spelt, row, digits), *line]
        for row, line in zip(numbers, texts.tolist(), strict=True)
    ]
    return np.concatenate([shades, np.full(texts.shape, np.nan)], axis=1), written


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
