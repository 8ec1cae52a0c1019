"""What `load` returns: splits of images, as integers."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Examples of one split, on the host, in the order of their source.

    Args:
      x: intensities, uint8 [N, H, W, C].
      label: classes, int32 [N]; None where the data has none.
    """

    x: np.ndarray
    label: np.ndarray | None


class Dataset(NamedTuple):
    """The splits of one data set.

    Args:
      name: the name given to `load`.
      train: the split to fit.
      valid: the split to choose by; None where the data comes without one.
      test: the split to report.
      max_value: the largest intensity the data can have: what `binarise`, `dequantise` and `scale`
        are given.
    """

    name: str
    train: Split
    valid: Split | None
    test: Split
    max_value: int
