"""The measured alternatives compute the same, so that a ratio of their times means something."""

import jax
import numpy as np
import pytest

from experiments.benchmarks import choices


@pytest.mark.parametrize(
    "alternatives", [choices.channel_axis, choices.softplus_form, choices.convolution_in_a_scan]
)
def test_the_alternatives_agree(alternatives):
    slow, fast = alternatives(images=2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), slow(), fast())
    assert choices.ratio(slow, fast, rounds=1) > 0
