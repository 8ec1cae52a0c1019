"""Arrays of numbers of any size, as they are."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.arrays import read_labels
from vae_jax.data.checks import check_array
from vae_jax.data.dataset import Split, divide
from vae_jax.data.members import Members, find_members
from vae_jax.data.numpy_files import check_file, load


class Numbers(NamedTuple):
    """The examples of a file.

    Fields:
      every: all of them, x float64 [N, ...]; the file's own test split is the last.
      first_test: where that begins; None where the file has none.
    """

    every: Split
    first_test: int | None


def read_numbers(path: Path, key: str | None, axes: str, gaps: bool = False) -> Numbers:
    """Read an .npy or .npz of numbers.

    Args:
      path: of the file.
      key: what the examples are called; see `find_members`.
      axes: what the array is to be of, "ND", for a message.
      gaps: whether NaN stands for what is missing.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: the values are not real numbers.
      ValueError: the array has other axes; a value is NaN or infinite; the splits have other
        shapes; and what the readers of files raise.
    """
    check_file(path, (".npy", ".npz"))
    members = find_members(path, key)
    train = _read(path, members["train"], axes, gaps)
    if "test" not in members:
        return Numbers(train, None)
    test = _read(path, members["test"], axes, gaps)
    shapes = [list(split.x.shape[1:]) for split in (train, test)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{path}: examples of one shape are needed, and are {shapes}.")
    labels = None if train.label is None or test.label is None else (train.label, test.label)
    every = Split(
        np.concatenate([train.x, test.x]), None if labels is None else np.concatenate(labels)
    )
    return Numbers(every, len(train.x))


def places(
    size: int, first_test: int | None, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of so many examples those to fit and those to report: the file's own test split, or, where it
    has none, what `hold_out` takes."""
    if first_test is None:
        return divide(size, fraction, seed)
    return np.arange(first_test), np.arange(first_test, size)


def _read(path: Path, names: Members, axes: str, gaps: bool) -> Split:
    x, what = load(path, names.x), f"{path}: {names.x}"
    check_array(x, what, gaps)
    if np.issubdtype(x.dtype, np.complexfloating):
        raise TypeError(f"{what} has dtype {x.dtype}, and real numbers are needed: x.real, x.imag.")
    if x.ndim != len(axes):
        raise ValueError(
            f"{what} has shape {list(x.shape)}, and [{', '.join(axes)}] is needed: reshape it, or"
            " read it as what it is (a table is [N, D], series are [N, T, C], images [N, H, W, C])."
        )
    return Split(x.astype(np.float64), read_labels(path, names.label, len(x)))
