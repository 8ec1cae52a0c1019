"""Where a command's arrays go."""

import csv
import functools
import io
import operator
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vae_jax.cli.terminal import console
from vae_jax.files import replacing, write


def named(name: str, tree: Any) -> dict[str, np.ndarray]:
    """An array by its name; the arrays of a tree by the name and their places in it, "x/left"."""

    def place(path: Any) -> str:
        within = jax.tree_util.keystr(path, simple=True, separator="/")
        return "/".join(filter(None, (name, within)))

    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {place(path): np.asarray(leaf) for path, leaf in leaves}


def pictured(out: Path | None, default: Path) -> Path:
    """Where a picture goes, beside which its arrays go: `out` may be the name of either."""
    if out is None:
        return default
    return out.with_suffix("") if out.suffix == ".npz" else out


def save(shown: Path, **trees: Any) -> None:
    """Write the arrays as .npz beside the file that shows them, and say where both are."""
    path = shown.with_suffix(".npz")
    arrays = [named(name, tree) for name, tree in trees.items() if tree is not None]
    save_arrays(path, **functools.reduce(operator.or_, arrays))
    console.print(f"{shown}\n{path}", soft_wrap=True)


def save_arrays(path: Path, /, **arrays: Any) -> None:
    """One .npz, all of it or nothing."""
    taken = sorted({"file", "allow_pickle"} & set(arrays))
    if taken:
        raise ValueError(f"An .npz has no array of the name {taken[0]!r}: choose .csv or .parquet.")
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def check_place(path: Path | None, option: str = "--out") -> None:
    """OSError, before anything is computed, where a file that was asked for cannot be put."""
    if path is None:
        return
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {folder} for {option} {path}: make it first, or name another."
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"{path} cannot be written, as nothing can in {folder}: name another place, with"
            f" {option}."
        )


def check_table(path: Path, option: str) -> None:
    """ValueError unless a table can be written into a file of this name, FileNotFoundError where
    there is no folder for it."""
    check_place(path, option)
    if path.suffix not in _TABLES:
        *most, last = _TABLES
        raise ValueError(f"{option} must end in {', '.join(most)} or {last}; got {path}.")


def save_table(path: Path, /, **columns: np.ndarray) -> None:
    """What is known of each example, [N, ...] by name, in the file's own format: as arrays in an
    .npz, and else with a column for each number, z0, z1, ... of z [N, D], label of label [N]."""
    _TABLES[path.suffix](path, **columns)


def save_csv(path: Path, /, **columns: np.ndarray) -> None:
    """A table with a line of names; numbers are as short as they can be and read back the same."""
    file, table = io.StringIO(), _table(columns)
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(table)
    lines.writerows(zip(*(map(str, values) for values in table.values()), strict=True))
    write(path, file.getvalue().encode())


def save_parquet(path: Path, /, **columns: np.ndarray) -> None:
    """A table, whole or nothing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("parquet needs pyarrow, which is not installed: use .npz.") from error
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(_table(columns)), file)
    write(path, file.getvalue())


_TABLES = {".npz": save_arrays, ".csv": save_csv, ".parquet": save_parquet}


def _table(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A column for each number."""
    table: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        if values.ndim == 1:
            table[name] = values
        else:
            flat = values.reshape(len(values), -1).T
            table |= {f"{name}{d}": value for d, value in enumerate(flat)}
    return table
