"""Arrays of numbers of any size, as they are."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.arrays import read_labels
from vae_jax.data.checks import check_array
from vae_jax.data.dataset import Split, hold_out
from vae_jax.data.members import Members, find_members
from vae_jax.data.numpy_files import check_file, load


class Numbers(NamedTuple):
    """Training and test split of a file, float64 [N, ...]."""

    train: Split
    test: Split


def read_numbers(
    path: Path, key: str | None, axes: tuple[str, ...], fraction: float, seed: int
) -> Numbers:
    """Read an .npy or .npz of numbers, and hold a part out where the file has no test split.

    Args:
      path: of the file.
      key: what the examples are called; see `find_members`.
      axes: what the array is to be of, ("N", "D"), for a message.
      fraction, seed: of `hold_out`.

    Raises:
      TypeError: the values are not real numbers.
      ValueError: the array has other axes; a value is NaN or infinite; the splits have other
        shapes; and what the readers of files raise.
    """
    check_file(path, (".npy", ".npz"))
    members = find_members(path, key)
    splits = {
        split: _read(path, members[split], axes) for split in ("train", "test") if split in members
    }
    if "test" not in splits:
        return Numbers(*hold_out(splits["train"], fraction, seed=seed))
    shapes = [list(splits[split].x.shape[1:]) for split in ("train", "test")]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{path}: examples of one shape are needed, and are {shapes}.")
    return Numbers(splits["train"], splits["test"])


def _read(path: Path, names: Members, axes: tuple[str, ...]) -> Split:
    x, what = load(path, names.x), f"{path}: {names.x}"
    check_array(x, what)
    if np.issubdtype(x.dtype, np.complexfloating):
        raise TypeError(f"{what} has dtype {x.dtype}, and real numbers are needed: x.real, x.imag.")
    if x.ndim != len(axes):
        raise ValueError(
            f"{what} has shape {list(x.shape)}, and [{', '.join(axes)}] is needed: reshape it, or"
            " read it as what it is (a table is [N, D], series are [N, T, C], images [N, H, W, C])."
        )
    return Split(x.astype(np.float64), read_labels(path, names.label, len(x)))
