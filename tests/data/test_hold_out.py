"""A split in two."""

import numpy as np
import pytest

from vae_jax.data import Split, hold_out


def numbered(size):
    return Split(np.arange(size)[:, None], np.arange(size, dtype=np.int32))


def test_a_fixed_permutation_cut_in_two():
    train, test = hold_out(numbered(40), 0.25, seed=3)
    order = np.random.default_rng(3).permutation(40)
    np.testing.assert_array_equal(train.label, order[:30])
    np.testing.assert_array_equal(test.label, order[30:])
    for part in (train, test):
        np.testing.assert_array_equal(part.x[:, 0], part.label)
    assert not np.array_equal(hold_out(numbered(40), 0.25)[1].label, test.label)


@pytest.mark.parametrize(
    ("size", "fraction", "held"),
    [(30, 0.1, 3), (3, 0.1, 2), (14, 0.1, 2), (100, 0.001, 2), (10, 0.9, 9)],
)
def test_how_many(size, fraction, held):
    train, test = hold_out(numbered(size), fraction)
    assert (len(train.x), len(test.x)) == (size - held, held)


def test_without_labels():
    train, test = hold_out(Split(np.arange(4)[:, None], None), 0.5)
    assert train.label is None
    assert test.label is None


@pytest.mark.parametrize("size", [0, 1, 2])
def test_too_few_to_divide(size):
    with pytest.raises(ValueError, match=rf"would take 2 of {size} examples, and leave none: 3 or"):
        hold_out(numbered(size))


def test_fractions():
    with pytest.raises(ValueError, match=r"take 5 of 5 .* fraction=0\.99 must leave one"):
        hold_out(numbered(5), 0.99)
    for fraction in (0.0, 1.0, -0.5, float("nan")):
        with pytest.raises(ValueError, match=rf"fraction={fraction}, and needs one in \(0, 1\)"):
            hold_out(numbered(5), fraction)
