"""The columns of a table: numbers, or text of a few classes."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

_MISSING = ("", "na", "n/a", "nan", "null", "none", "?")
_MOST_CLASSES = 100
_REMEDY = "fill them in, leave these rows out, or leave the column out (leave_out, --leave-out)."
_GAPS = "model what is there (missing=True, --missing), "


class Column(NamedTuple):
    """One column of a table.

    Fields:
      name: in the file.
      values: float64 [N]; of text, int32 [N], the place of each text in `classes`.
      classes: the sorted texts there are; None of numbers.
    """

    name: str
    values: np.ndarray
    classes: tuple[str, ...] | None


def column_of_numbers(name: str, values: np.ndarray, what: str, gaps: bool = False) -> Column:
    """A column of numbers, of which all must be finite; and there, unless there may be gaps, NaN.

    Raises:
      ValueError: a value is NaN or infinite, or none is there.
    """
    values = np.asarray(values, np.float64)
    gone, bad = np.isnan(values), np.isinf(values)
    if gone.all():
        raise ValueError(f"{what}: column {name!r} has no value at all: {_REMEDY}")
    refused = bad if gaps else bad | gone
    if refused.any():
        raise missing(name, refused, what, of_numbers=not bad.any())
    return Column(name, values, None)


def column_of_texts(
    name: str, texts: Sequence[str | None], what: str, gaps: bool = False
) -> Column:
    """A column as it stands in a file of text: numbers, where every cell is one, or classes.

    Args:
      name: of the column.
      texts: its cells; None, "", "NA" and the like are missing.
      what: the file, for a message.
      gaps: whether numbers may be missing, which are then NaN.

    Raises:
      ValueError: a cell is missing; half of the cells are numbers and others are not; or there
        are more classes than a column of classes has.
    """
    gone = np.array([text is None or text.strip().lower() in _MISSING for text in texts])
    cells = ["nan" if off else str(text).strip() for text, off in zip(texts, gone, strict=True)]
    numbers = [number_in(cell) for cell in cells]
    if gone.any() and not (gaps and None not in numbers):
        raise missing(name, gone, what, of_numbers=None not in numbers)
    others = [i for i, number in enumerate(numbers) if number is None]
    if not others:
        return column_of_numbers(name, np.array(numbers, np.float64), what, gaps)
    if len(others) <= len(cells) / 2:
        raise ValueError(
            f"{what}: column {name!r} has numbers, but for {len(others)} cells, the first"
            f" {cells[others[0]]!r} in row {others[0] + 1}: {_REMEDY}"
        )
    return column_of_classes(name, cells, what)


def column_of_classes(name: str, texts: Sequence[str], what: str) -> Column:
    """A column of classes; ValueError where there are too many, or one."""
    classes = tuple(sorted(set(texts)))
    if len(classes) == 1:
        raise ValueError(
            f"{what}: column {name!r} is {classes[0]!r} in every row: leave it out (leave_out,"
            " --leave-out)."
        )
    if len(classes) > _MOST_CLASSES:
        raise ValueError(
            f"{what}: column {name!r} has {len(classes):,} different texts in {len(texts):,} rows,"
            f" {classes[0]!r}, {classes[1]!r}, ..., and a column of classes has at most"
            f" {_MOST_CLASSES}: leave it out (leave_out, --leave-out), or group them."
        )
    place = {text: i for i, text in enumerate(classes)}
    return Column(name, np.array([place[text] for text in texts], np.int32), classes)


def number_in(text: str) -> float | None:
    """The number that a cell holds; None of other text."""
    try:
        return float(text) if "_" not in text else None  # Python's 1_000 is no number of a table
    except ValueError:
        return None


def check_names(names: Collection[str], leave_out: Collection[str], what: str) -> None:
    """ValueError where a column that is read has no name or another's, or one that is left out is
    not there."""
    if unknown := set(leave_out) - set(names):
        raise ValueError(
            f"{what} has no column {min(unknown)!r} to leave out; it has {', '.join(names)}."
        )
    kept = [name for name in names if name not in leave_out]
    if "" in kept:
        raise ValueError(
            f"{what}: a column has no name. If it is the number of the row, as pandas writes it,"
            " save with index=False; else name it."
        )
    twice = sorted({name for name in kept if kept.count(name) > 1})
    if twice:
        raise ValueError(f"{what}: two columns are called {twice[0]!r}: rename one.")
    if not kept:
        raise ValueError(f"{what} has no column that is not left out.")


def missing(name: str, bad: np.ndarray, what: str, of_numbers: bool) -> ValueError:
    """What is wrong with a column in which the rows that are `bad`, [N], have no value."""
    remedy = _GAPS + _REMEDY if of_numbers else _REMEDY
    return ValueError(
        f"{what}: column {name!r} has {np.count_nonzero(bad)} missing or infinite values, the first"
        f" in row {int(np.argmax(bad)) + 1} of {len(bad)}: {remedy}"
    )
