"""Tables: rows of numbers and of classes, from arrays, CSV or Parquet."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.columns import Column, check_names, column_of_numbers
from vae_jax.data.csv_files import read_csv
from vae_jax.data.numbers import places, read_numbers
from vae_jax.data.parquet_files import read_parquet
from vae_jax.data.paths import Given, path_of

_READERS = {".csv": read_csv, ".tsv": read_csv, ".parquet": read_parquet}
_ARRAYS = (".npy", ".npz")


class Rows(NamedTuple):
    """Rows of a table, on the host.

    Fields:
      numbers: float64 [N, D], in the units of the file; NaN where one is missing.
      codes: int32 [N, K], the place of each text among the classes of its column.
      label: classes of the rows that stand beside the table, int32 [N]; or None.
    """

    numbers: np.ndarray
    codes: np.ndarray
    label: np.ndarray | None


class Table(NamedTuple):
    """A table.

    Fields:
      name: of the file.
      numbers: the names of the D columns of numbers.
      classes: of the K columns of text, by name, the sorted texts of each.
      every: all rows, in the order of the file.
      first_test: where the file's own test split begins; None where it has none.
    """

    name: str
    numbers: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    every: Rows
    first_test: int | None = None

    def divide(self, fraction: float = 0.1, *, seed: int = 0) -> tuple[Rows, Rows]:
        """Those to fit and those to report; where the file does not divide them, see `hold_out`."""
        numbers, codes, label = self.every
        parts = places(len(numbers), self.first_test, fraction, seed)
        train, test = (
            Rows(numbers[part], codes[part], None if label is None else label[part])
            for part in parts
        )
        return train, test


def read_table(
    path: Given,
    *,
    key: str | None = None,
    leave_out: Collection[str] = (),
    missing: bool = False,
) -> Table:
    """Read a table.

    Args:
      path: an .npy or .npz of numbers [N, D], whose columns are called x0, x1, ...; a .csv or .tsv
        in UTF-8, with or without a first row of names, its cells parted by commas, semicolons or
        tabs; or a .parquet. A column of text is one of classes.
      key: what the array of an .npz is called, if not as `read_array` finds it; of x_train and
        x_test the second is the test split.
      leave_out: names of columns that are not read.
      missing: whether cells of columns of numbers may be missing: they are NaN then. See
        `data.observed`.

    Returns:
      A Table.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: an array is not of real numbers.
      ValueError: the file is damaged, or is none of these; a column has missing values, one class
        or more than 100, or is neither of numbers nor of text.
    """
    path = path_of(path)
    kind = path.suffix.lower()
    if kind not in (*_READERS, *_ARRAYS):
        raise ValueError(f"{path} is not one of {', '.join((*_READERS, *_ARRAYS))}: convert it.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    if kind in _ARRAYS:
        return _table_of_arrays(path, key, leave_out, missing)
    return _table(path, _READERS[kind](path, leave_out, missing))


def _table_of_arrays(
    path: Path, key: str | None, leave_out: Collection[str], missing: bool
) -> Table:
    (x, label), first_test = read_numbers(path, key, "ND", missing)
    names = [f"x{d}" for d in range(x.shape[1])]
    check_names(names, leave_out, str(path))
    columns = [
        column_of_numbers(name, x[:, d], str(path), missing)
        for d, name in enumerate(names)
        if name not in leave_out
    ]
    return _table(path, columns, label, first_test)


def _table(
    path: Path,
    columns: list[Column],
    label: np.ndarray | None = None,
    first_test: int | None = None,
) -> Table:
    numbers = [column for column in columns if column.classes is None]
    texts = {column.name: column.classes for column in columns if column.classes is not None}
    codes = [column.values for column in columns if column.classes is not None]
    size = len(columns[0].values)
    every = Rows(
        np.array([column.values for column in numbers], np.float64).reshape(-1, size).T,
        np.array(codes, np.int32).reshape(-1, size).T,
        label,
    )
    return Table(path.stem, tuple(column.name for column in numbers), texts, every, first_test)
