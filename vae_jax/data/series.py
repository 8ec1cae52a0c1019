"""Series: several numbers at each of several times."""

from typing import NamedTuple

from vae_jax.data.dataset import Split
from vae_jax.data.numbers import read_numbers
from vae_jax.data.paths import Given, path_of


class Series(NamedTuple):
    """Series, divided.

    Fields:
      name: of the file.
      train: the series to fit: x float64 [N, T, C], in the units of the file.
      test: those to report.
    """

    name: str
    train: Split
    test: Split


def read_series(
    path: Given, *, key: str | None = None, fraction: float = 0.1, seed: int = 0
) -> Series:
    """Read series of C channels at T times, and hold a part of them out.

    Args:
      path: an .npy or .npz of numbers [N, T, C].
      key: what the array of an .npz is called, if not as `read_array` finds it; of x_train and
        x_test the second is the test split.
      fraction: of the series, to hold out.
      seed: of the series held out.

    Returns:
      A Series.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: the values are not real numbers.
      ValueError: the file is damaged; x has another shape, or a value that is NaN or infinite; and
        what `hold_out` raises.
    """
    path = path_of(path)
    return Series(path.stem, *read_numbers(path, key, ("N", "T", "C"), fraction, seed))
