"""Where a command's arrays go."""

import functools
import io
import operator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vae_jax.cli.terminal import console
from vae_jax.runs.folder import write


def named(name: str, tree: Any) -> dict[str, np.ndarray]:
    """An array by its name; the arrays of a tree by the name and their places in it, "x/left"."""

    def place(path: Any) -> str:
        within = jax.tree_util.keystr(path, simple=True, separator="/")
        return f"{name}/{within}" if within else name

    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {place(path): np.asarray(leaf) for path, leaf in leaves}


def save(shown: Path, **trees: Any) -> None:
    """Write the arrays as .npz beside the file that shows them, and say where both are."""
    path = shown.with_suffix(".npz")
    arrays = [named(name, tree) for name, tree in trees.items() if tree is not None]
    save_arrays(path, **functools.reduce(operator.or_, arrays))
    console.print(f"{shown}\n{path}", highlight=False, soft_wrap=True)


def save_arrays(path: Path, **arrays: Any) -> None:
    """One .npz, all of it or nothing."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    write(path, file.getvalue())


def save_parquet(path: Path, **columns: np.ndarray) -> None:
    """A table with a column for each number, z0, z1, ... of z [N, D], label of label [N]; whole or
    nothing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("parquet needs pyarrow, which is not installed: use .npz.") from error
    table: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        if values.ndim == 1:
            table[name] = values
        else:
            flat = values.reshape(len(values), -1).T
            table |= {f"{name}{d}": value for d, value in enumerate(flat)}
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(table), file)
    write(path, file.getvalue())
