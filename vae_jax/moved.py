"""What the rows and columns of a traversal are, for whoever draws it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Moved(NamedTuple):
    """Examples in rows, one for each latent dimension that is moved.

    Fields:
      rows: the names of the rows, [R], with the example's own value.
      columns: the values, as text, [C].
      marked: of each row the column that is nearest to the example's own value, which is then as
        good as its reconstruction; None where that value is beyond the row.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    marked: Sequence[int | None]

    @property
    def each(self) -> list[str]:
        """A name for each example, [R C], in the order of the rows; * is the marked one."""
        return [
            f"{row.partition(' ')[0]} = {column}{'*' * (n == marked)}"
            for row, marked in zip(self.rows, self.marked, strict=True)
            for n, column in enumerate(self.columns)
        ]


def moved(latent: str, dimensions: Sequence[int], own: np.ndarray, values: np.ndarray) -> Moved:
    """The names, from the name of the latent, the dimensions that are moved [R], the example's own
    values of them [R], and the values that all run through [C]."""
    names = [f"{latent}[{d}] = {value:.2f}" for d, value in zip(dimensions, own, strict=True)]
    return Moved(names, [f"{value:.3g}" for value in values], [_nearest(v, values) for v in own])


def _nearest(value: float, values: np.ndarray) -> int | None:
    inside = values.min() <= value <= values.max()
    return int(np.argmin(np.abs(values - value))) if inside else None
