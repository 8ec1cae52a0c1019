"""Numbers of any size, brought to mean 0 and scale 1, and back."""

import math
from typing import NamedTuple

import numpy as np


class Standardise(NamedTuple):
    """y = (x - mean) / scale, along the last axis: of each column, of each channel.

    It is made of plain numbers, so that a run can keep it beside its options. A density of y is one
    of x in the units of the file, but for a constant:

        log p(x) = log p(y) - log_scale,    log_scale = sum_d log scale_d, of all D numbers of x

    Fields:
      mean, scale: of each column, [D]; scale > 0.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """y, float32 [..., D]: computed in float64, in which a date of 10^9 s has its seconds."""
        return ((np.asarray(x, np.float64) - self.mean) / self.scale).astype(np.float32)

    def undo(self, y: np.ndarray) -> np.ndarray:
        """x, float64 [..., D]."""
        return np.asarray(y, np.float64) * self.scale + self.mean

    def log_scale(self, shape: tuple[int, ...]) -> float:
        """sum log scale over an example of this shape, [..., D]: nats."""
        return math.prod(shape[:-1]) * float(np.log(self.scale).sum())


def standardise(x: np.ndarray, names: tuple[str, ...]) -> Standardise:
    """The mean and the standard deviation of training data, of what is observed: not NaN.

    Args:
      x: [N, ..., D].
      names: of the D columns, for a message.

    Raises:
      ValueError: a column has one value, which has no scale.
    """
    rows = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    mean, scale = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    alike = np.nanmax(rows, axis=0) == np.nanmin(rows, axis=0)
    if alike.any():
        which = [names[d] for d in np.flatnonzero(alike)]
        shown = ", ".join(which[:5]) + (f" and {len(which) - 5} more" if len(which) > 5 else "")
        raise ValueError(
            f"{shown}: one value in all training examples, which has no scale: leave it out, of a"
            " table by its name (leave_out, --leave-out), of an array as x[..., x.std(0) > 0]."
        )
    return Standardise(tuple(mean.tolist()), tuple(scale.tolist()))
