"""The measured alternatives compute the same, so that a ratio of their times means something."""

import jax
import numpy as np
import pytest

from experiments.benchmarks import choices, streaming


@pytest.mark.parametrize(
    "alternatives",
    [
        choices.channel_axis,
        choices.softplus_form,
        choices.density_gradient,
        choices.convolution_gradient,
        choices.convolution_in_a_scan,
    ],
)
def test_the_alternatives_agree(alternatives):
    slow, fast = alternatives(images=2)

    def assert_close(a, b):  # a sum that cancels is as exact as the largest
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * np.abs(b).max())

    jax.tree.map(assert_close, slow(), fast())
    assert choices.ratio(slow, fast, rounds=1) > 0


@pytest.mark.parametrize("setting", [streaming.arrays, streaming.pictures])
def test_the_ways_of_an_epoch_agree(setting, tmp_path):
    start, ways = setting(tmp_path, images=7, batch_size=3)
    states = {name: epoch(start()) for name, epoch in ways.items()}
    scanned, one_by_one, streamed = (state.params for state in states.values())
    jax.tree.map(np.testing.assert_array_equal, streamed, one_by_one)
    # two steps of adam of 1e-3, of which a rounding may turn a few
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), scanned, one_by_one)
    assert all(state.step == 2 for state in states.values())
    rates = streaming.rates((start, ways), 7, rounds=1)
    assert list(rates) == ["in memory, scanned", "in memory, one by one", "streamed"]
    assert min(rates.values()) > 0
