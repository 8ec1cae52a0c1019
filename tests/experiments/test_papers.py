"""Published experiments, made small."""

import jax
import numpy as np

from experiments.papers import signal_to_noise


def test_tighter_bounds_have_noisier_encoder_gradients():
    """Rainforth et al. 2018, Theorem 1.

    A ratio r of 400 gradients of 20 numbers has a relative error of about 1 / (r sqrt(8000)), at
    most 2.4 % here, and a slope between two points 16 times apart sqrt(2) / log(16) of it, 0.013.
    """
    found = signal_to_noise.measure(400, over_k=(16, 256), over_m=(1, 16))
    slopes = {
        name: {g: row["slope"] for g, row in groups.items()} for name, groups in found.items()
    }
    expected = {"mu": 0.5, "b": -0.5}
    for group, slope in expected.items():
        np.testing.assert_allclose(slopes["K"][group], slope, atol=0.05)
    assert 0.35 < slopes["K"]["b_doubly_reparameterized"] < 0.5  # 1/2 as K grows
    for slope in slopes["M"].values():
        np.testing.assert_allclose(slope, 0.5, atol=0.05)


def test_both_gradients_have_one_mean():
    params, x = signal_to_noise.problem(jax.random.key(0))
    settings = {"draws": 4000, "num_groups": 2, "num_samples": 3}
    plain, doubly = (
        signal_to_noise.gradients(params, x, key, **settings, score_free=score_free)["b"]
        for key, score_free in zip(jax.random.split(jax.random.key(1)), (False, True), strict=True)
    )
    error = np.sqrt((plain.var(axis=0) + doubly.var(axis=0)) / 4000)
    assert np.abs((plain.mean(axis=0) - doubly.mean(axis=0)) / error).max() < 4
    assert np.asarray(doubly).std() < np.asarray(plain).std()
