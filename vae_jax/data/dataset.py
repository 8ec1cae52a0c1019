"""What the readers return: splits of examples, on the host."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Examples of one split, on the host, in the order of their source.

    Args:
      x: intensities, uint8 [N, H, W, C], of `load`, `read_images` and `read_tfds`. `read_array`
        gives uint8, uint16 or, in [0, 1], float32, [N, H, W, C] or [N, D]; `read_series` numbers
        of any size, float64 [N, T, C]; `read_text` the places of characters in a vocabulary, int32
        [N, T].
      label: classes, int32 [N]; None where the data has none.
    """

    x: np.ndarray
    label: np.ndarray | None


class Dataset(NamedTuple):
    """The splits of one data set.

    Args:
      name: the name given to `load` or `read`; of a path, its last part.
      train: the split to fit.
      valid: the split to choose by; None where the data comes without one.
      test: the split to report.
      max_value: the largest intensity the data can have: what `binarise`, `dequantise` and `scale`
        are given.
      layout: of the file they were read from: "NHWC" or "NCHW"; "NHW" or "ND" of other ranks.
      signed: whether it held floats in [-1, 1], which x has in [0, 1].
      notes: sentences: how the data were read, and what was left out.
    """

    name: str
    train: Split
    valid: Split | None
    test: Split
    max_value: int
    layout: str = "NHWC"
    signed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def levels(self) -> int:
        """Of integers 0 .. levels - 1, how many there are; 1 of floats."""
        return 1 if self.train.x.dtype.kind == "f" else self.max_value + 1


def hold_out(split: Split, fraction: float = 0.1, *, seed: int = 0) -> tuple[Split, Split]:
    """Divide a split in two, by a fixed permutation.

    Args:
      split: N examples.
      fraction: how much of it to hold out, in (0, 1): round(fraction N) examples, but at least 2,
        since of one there is no standard error.
      seed: of the permutation, `numpy.random.default_rng(seed).permutation(N)`.

    Returns:
      What is kept and what is held out: the first and the last of the permutation.

    Raises:
      ValueError: the fraction is not in (0, 1), or nothing would be kept.
    """
    kept, held = divide(len(split.x), fraction, seed)
    return rows_of(split, kept), rows_of(split, held)


def divide(size: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the examples that are kept, and of those that are held out; see `hold_out`."""
    if not 0 < fraction < 1:
        raise ValueError(f"hold_out was given fraction={fraction}, and needs one in (0, 1).")
    held = max(2, round(fraction * size))
    if held >= size:
        raise ValueError(
            f"hold_out would take {held} of {size} examples, and leave none: 3 or more are needed,"
            f" and fraction={fraction} must leave one of them."
        )
    order = np.random.default_rng(seed).permutation(size)
    return order[: size - held], order[size - held :]


def rows_of(split: Split, index: np.ndarray) -> Split:
    """The examples at these places."""
    return Split(split.x[index], None if split.label is None else split.label[index])
