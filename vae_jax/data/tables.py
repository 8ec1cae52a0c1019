"""Tables: rows of numbers and of classes, from arrays, CSV or Parquet."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.columns import Column, check_names, column_of_numbers
from vae_jax.data.csv_files import read_csv
from vae_jax.data.dataset import divide
from vae_jax.data.numbers import read_numbers
from vae_jax.data.parquet_files import read_parquet
from vae_jax.data.paths import Given, path_of

_READERS = {".csv": read_csv, ".tsv": read_csv, ".parquet": read_parquet}
_ARRAYS = (".npy", ".npz")


class Rows(NamedTuple):
    """Rows of a table, on the host.

    Fields:
      numbers: float64 [N, D], in the units of the file.
      codes: int32 [N, K], the place of each text among the classes of its column.
      label: classes of the rows that stand beside the table, int32 [N]; or None.
    """

    numbers: np.ndarray
    codes: np.ndarray
    label: np.ndarray | None


class Table(NamedTuple):
    """A table, divided.

    Fields:
      name: of the file.
      numbers: the names of the D columns of numbers.
      classes: of the K columns of text, by name, the sorted texts of each.
      train: the rows to fit.
      test: the rows to report.
    """

    name: str
    numbers: tuple[str, ...]
    classes: dict[str, tuple[str, ...]]
    train: Rows
    test: Rows


def read_table(
    path: Given,
    *,
    key: str | None = None,
    leave_out: Collection[str] = (),
    fraction: float = 0.1,
    seed: int = 0,
) -> Table:
    """Read a table, and hold a part of its rows out.

    Args:
      path: an .npy or .npz of numbers [N, D], whose columns are called x0, x1, ...; a .csv or .tsv
        in UTF-8, with or without a first row of names, its cells parted by commas, semicolons or
        tabs; or a .parquet. A column of text is one of classes.
      key: what the array of an .npz is called, if not as `read_array` finds it; of x_train and
        x_test the second is the test split.
      leave_out: names of columns that are not read.
      fraction: of the rows, to hold out.
      seed: of the rows held out.

    Returns:
      A Table.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is damaged, or is none of these; a column has missing values, one class
        or more than 100, or is neither of numbers nor of text; and what `hold_out` raises.
    """
    path = path_of(path)
    kind = path.suffix.lower()
    if kind not in (*_READERS, *_ARRAYS):
        raise ValueError(f"{path} is not one of {', '.join((*_READERS, *_ARRAYS))}: convert it.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    if kind in _ARRAYS:
        return _table_of_arrays(path, key, leave_out, fraction, seed)
    columns = _READERS[kind](path, leave_out)
    parts = divide(len(columns[0].values), fraction, seed)
    train, test = (_rows(columns, part) for part in parts)
    return _table(path, columns, train, test)


def _table_of_arrays(
    path: Path, key: str | None, leave_out: Collection[str], fraction: float, seed: int
) -> Table:
    found = read_numbers(path, key, ("N", "D"), fraction, seed)
    names = [f"x{d}" for d in range(found.train.x.shape[1])]
    check_names(names, leave_out, str(path))
    kept = [d for d, name in enumerate(names) if name not in leave_out]
    columns = [column_of_numbers(names[d], found.train.x[:, d], str(path)) for d in kept]
    train, test = (
        Rows(split.x[:, kept], np.empty((len(split.x), 0), np.int32), split.label)
        for split in (found.train, found.test)
    )
    return _table(path, columns, train, test)


def _table(path: Path, columns: list[Column], train: Rows, test: Rows) -> Table:
    numbers = tuple(column.name for column in columns if column.classes is None)
    classes = {column.name: column.classes for column in columns if column.classes is not None}
    return Table(path.stem, numbers, classes, train, test)


def _rows(columns: list[Column], index: np.ndarray) -> Rows:
    def beside(kind: type, found: list[Column]) -> np.ndarray:
        values: np.ndarray = np.array([column.values[index] for column in found], kind)
        return values.reshape(len(found), len(index)).T

    numbers = beside(np.float64, [column for column in columns if column.classes is None])
    codes = beside(np.int32, [column for column in columns if column.classes is not None])
    return Rows(numbers, codes, None)
