import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vae_jax.distributions import Exemplars

M = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
Z = np.array([0.3, -0.8, 1.1], np.float32)
LOG_SCALE = jnp.array(-0.4)
TERMS = scipy.stats.norm.logpdf(np.float64(Z), np.float64(M), np.exp(-0.4)).sum(-1)


def test_all_of_them_are_a_mixture_of_gaussians():
    own = Exemplars(jnp.array(M), LOG_SCALE)
    expected = scipy.special.logsumexp(TERMS) - np.log(5)
    np.testing.assert_allclose(own.log_prob(jnp.array(Z)), expected, rtol=1e-5)
    np.testing.assert_allclose(own.mean(), M.mean(0), rtol=1e-6)


@pytest.mark.parametrize("nearest", [1, 3, 5])
def test_the_nearest_bound_it_from_below_and_alone_are_moved(nearest):
    def log_prob(means):
        return Exemplars(means, LOG_SCALE, nearest).log_prob(jnp.array(Z))

    bound, slope = jax.value_and_grad(log_prob)(jnp.array(M))
    expected = scipy.special.logsumexp(np.sort(TERMS)[-nearest:]) - np.log(5)
    np.testing.assert_allclose(bound, expected, rtol=1e-5)
    assert bound < scipy.special.logsumexp(TERMS) - np.log(5) + 1e-6
    distance = ((Z - M) ** 2).sum(-1)
    assert set(np.flatnonzero(np.any(slope, axis=1))) == set(np.argsort(distance)[:nearest])


@pytest.mark.parametrize("nearest", [0, 6])
def test_more_than_there_are_is_refused(nearest):
    with pytest.raises(ValueError, match=rf"5 means, and nearest={nearest}: 1 .. 5 of them"):
        Exemplars(jnp.array(M), LOG_SCALE, nearest).log_prob(jnp.array(Z))
