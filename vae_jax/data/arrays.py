"""Arrays that numpy saved, as examples."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.checks import check_range
from vae_jax.data.dataset import Split
from vae_jax.data.intensities import UNSAID, Form, find_form, in_form, told
from vae_jax.data.members import find_members
from vae_jax.data.numpy_files import check_file, load
from vae_jax.data.paths import Given, path_of


def read_array(
    path: Given,
    *,
    key: str | None = None,
    layout: str | None = None,
    levels: int | None = None,
    signed: bool | None = None,
) -> Split:
    """Read the examples that numpy.save or numpy.savez wrote. Pickles are never loaded.

    In an .npz they are called x, images or data, or they are alone; label, labels or y may stand
    beside them. Of x_train and x_test, with y_train and y_test, x_train is read, and `read` reads
    both.

    Args:
      path: an .npy or .npz of x [N, H, W, C], [N, C, H, W], [N, H, W] or [N, D]: bool, integers
        0 .. 255, floats in [0, 1], or floats in [-1, 1].
      key: what the examples are called, if otherwise.
      layout: "NHWC" or "NCHW"; None, where C is 1 or less than H and than W: the first.
      levels: integers are 0 .. levels - 1, at most 65,536 of them; 1 of floats. None: 2 where
        no integer is above 1, else 256.
      signed: whether floats lie in [-1, 1]; None, where one is below -0.5.

    Returns:
      A Split: x [N, H, W, C] or [N, D], uint8 (uint16 of more than 256 levels) or float32 in
      [0, 1], to which those in [-1, 1] are brought, (x + 1) / 2; label int32 [N] or None.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: the values are not numbers.
      ValueError: the file is damaged or holds Python objects; x cannot be told from other arrays,
        has another shape, or has a value that is NaN, infinite or out of range; the labels are
        not one integer for each example; or what is said does not hold.
    """
    return read_arrays(path, key, Form(layout, levels, signed)).splits["train"]


class Arrays(NamedTuple):
    """What a file of arrays holds: its splits, how they were read, and that in words."""

    splits: dict[str, Split]
    form: Form
    told: str


def read_arrays(path: Given, key: str | None = None, said: Form = UNSAID) -> Arrays:
    """Every split of a file, all read alike; raises as `read_array`."""
    path = path_of(path)
    check_file(path, (".npy", ".npz"))
    members = find_members(path, key)
    stored = {split: load(path, names.x) for split, names in members.items()}
    first = members["train"].x
    form = find_form(list(stored.values()), said, f"{path}: {first}")
    splits = {
        split: Split(in_form(x, form, f"{path}: {names.x}"), read_labels(path, names.label, len(x)))
        for (split, names), x in zip(members.items(), stored.values(), strict=True)
    }
    return Arrays(splits, form, f"{path.name}: {first} is {told(stored['train'], form)}")


def read_labels(path: Path, name: str | None, size: int) -> np.ndarray | None:
    """The labels of so many examples, int32 [N], of the array of that name; None of none."""
    return None if name is None else check_labels(load(path, name), size, f"{path}: {name}")


def check_labels(label: np.ndarray, size: int, name: str) -> np.ndarray:
    """The labels as int32 [N]; ValueError unless they are one integer for each example."""
    if label.ndim == 2 and label.shape[1] == 1:  # as Keras has them
        label = label[:, 0]
    if label.shape != (size,) or not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"{name} is {label.dtype} {list(label.shape)}, and one integer for each of the {size}"
            f" examples is needed, [{size}]; of one-hot rows, .argmax(1)."
        )
    check_range(label, name, -(2**31), 2**31 - 1, "number the classes from 0")
    return label.astype(np.int32)
