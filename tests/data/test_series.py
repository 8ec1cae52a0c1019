"""Series of numbers."""

import numpy as np
import pytest

from vae_jax.data import read_series

X = np.random.default_rng(0).normal(100, 50, (5, 4, 3))


def test_series(tmp_path):
    np.savez(tmp_path / "night.npz", x=X.astype(np.float32), label=np.arange(5))
    series = read_series(tmp_path / "night.npz")
    assert (series.name, series.every.x.dtype) == ("night", np.float64)
    np.testing.assert_array_equal(series.every.x, X.astype(np.float32))
    train, test = series.divide(0.4, seed=3)
    order = np.random.default_rng(3).permutation(5)
    np.testing.assert_array_equal(train.x, series.every.x[order[:3]])
    np.testing.assert_array_equal(test.label, order[3:])


def test_series_that_are_divided(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, x_test=X[:1] + 1, y_train=np.arange(5))
    train, test = read_series(tmp_path / "a.npz").divide()
    np.testing.assert_array_equal(train.x, X)
    np.testing.assert_array_equal(test.x, X[:1] + 1)
    assert train.label is None  # the test series have none
    np.savez(tmp_path / "a.npz", x_train=X, x_test=X[:, 1:])
    with pytest.raises(ValueError, match=r"one shape are needed, and are \[\[4, 3\], \[3, 3\]\]"):
        read_series(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0], r"x has shape \[4, 3\], and \[N, T, C\] is needed"),
        (X[0, 0], r"x has shape \[3\], and \[N, T, C\]"),
        (np.where(X[2, 1, 0] == X, np.nan, X), r"x \[5, 4, 3\] has 1 NaN .* \(2, 1, 0\)"),
    ],
)
def test_other_arrays_are_refused(x, message, tmp_path):
    np.save(tmp_path / "a.npy", x)
    with pytest.raises(ValueError, match=message):
        read_series(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", X + 1j)
    with pytest.raises(TypeError, match=r"complex128, and real numbers are needed: x\.real"):
        read_series(tmp_path / "a.npy")
