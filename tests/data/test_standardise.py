"""Standardise: there and back, kept as plain numbers."""

import json

import numpy as np
import pytest
from scipy import stats

from vae_jax.data import Standardise, standardise

NAMES = ("weight", "size", "age")
X = np.random.default_rng(0).normal((5, -300, 1e9), (2, 0.1, 30), (40, 7, 3))


def test_each_column_has_mean_0_and_scale_1():
    made = standardise(X, NAMES)
    y = made.apply(X)
    assert y.dtype == np.float32
    # float32 of numbers near 1, and means of 280 of them
    np.testing.assert_allclose(y.reshape(-1, 3).mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(y.reshape(-1, 3).std(0), 1, rtol=1e-6)


def test_undone():
    made = standardise(X, NAMES)
    back = made.undo(made.apply(X))
    np.testing.assert_allclose(back, X, atol=1e-5 * max(made.scale))  # 1e-7 of 30, of 4 scales
    np.testing.assert_allclose(back[..., 1], X[..., 1], atol=1e-6)


def test_what_is_kept_is_plain():
    made = standardise(X, NAMES)
    assert Standardise(*json.loads(json.dumps(made))) == Standardise(*map(list, made))
    assert all(type(number) is float for field in made for number in field)


def test_what_is_missing_is_passed_over():
    x = np.array([[1.0, 10.0], [3.0, np.nan], [np.nan, 30.0]])
    made = standardise(x, NAMES[:2])
    assert made == ((2, 20), (1, 10))


def test_the_density_of_the_original_units():
    made = standardise(X, NAMES)
    y = made.apply(X[0])
    log_p = stats.norm.logpdf(y).sum() - made.log_scale(y.shape)
    expected = stats.norm.logpdf(X[0], made.mean, made.scale).sum()
    assert log_p == pytest.approx(expected, rel=1e-6)


def test_a_column_of_one_value_is_named():
    x = X.copy()
    x[..., 1] = 0.1  # whose standard deviation is not 0 in floats
    with pytest.raises(ValueError, match=r"^size: one value in all training .* --leave-out\), of"):
        standardise(x, NAMES)
    with pytest.raises(ValueError, match=r"^x0, x1, x2, x3, x4 and 2 more: one value"):
        standardise(np.zeros((3, 7)), tuple(f"x{d}" for d in range(7)))
