"""Series: several numbers at each of several times."""

from typing import NamedTuple

from vae_jax.data.dataset import Split, rows_of
from vae_jax.data.numbers import places, read_numbers
from vae_jax.data.paths import Given, path_of


class Series(NamedTuple):
    """The series of a file.

    Fields:
      name: of the file.
      every: all of them, x float64 [N, T, C], in the units of the file.
      first_test: where the file's own test split begins; None where it has none.
    """

    name: str
    every: Split
    first_test: int | None = None

    def divide(self, fraction: float = 0.1, *, seed: int = 0) -> tuple[Split, Split]:
        """Those to fit and those to report; where the file does not divide them, see `hold_out`."""
        parts = places(len(self.every.x), self.first_test, fraction, seed)
        train, test = (rows_of(self.every, part) for part in parts)
        return train, test


def read_series(path: Given, *, key: str | None = None) -> Series:
    """Read series of C channels at T times.

    Args:
      path: an .npy or .npz of numbers [N, T, C].
      key: what the array of an .npz is called, if not as `read_array` finds it; of x_train and
        x_test the second is the test split.

    Returns:
      A Series.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: the values are not real numbers.
      ValueError: the file is damaged; x has another shape, or a value that is NaN or infinite.
    """
    path = path_of(path)
    return Series(path.stem, *read_numbers(path, key, "NTC"))
