import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax.distributions import Poisson

LOG_RATE = np.linspace(-3.0, 7.0, 6)


@pytest.mark.parametrize("counts", [np.int32, np.uint8, np.float32])
def test_log_prob_is_scipys(precision, counts):
    x = np.array([0, 1, 2, 10, 100, 200]).astype(counts)
    ours = Poisson(jnp.array(LOG_RATE.astype(precision.dtype))).log_prob(x)
    theirs = stats.poisson(np.exp(LOG_RATE)).logpmf(x.astype(int)).sum()
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, theirs, rtol=10 * precision.rtol)


def test_the_mean_of_the_samples():
    q, n = Poisson(jnp.array(LOG_RATE, jnp.float32)), 4000
    draws = np.asarray(jax.vmap(q.sample)(jax.random.split(jax.random.key(0), n)))
    error = np.sqrt(np.exp(LOG_RATE) / n)
    assert np.all(np.abs(draws.mean(0) - q.mean()) < 4 * error)
    np.testing.assert_allclose(q.mean(), np.exp(LOG_RATE), rtol=1e-5)


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan, np.inf])
def test_what_is_no_count(value):
    q = Poisson(jnp.zeros(2))
    x = jnp.array([1.0, value])
    assert not q.in_support(x)
    assert q.log_prob(x) == -np.inf
    gradient = jax.grad(lambda log_rate: Poisson(log_rate).log_prob(jnp.array([1.0, -1.0])))
    assert jnp.all(jnp.isfinite(gradient(jnp.zeros(2))))


def test_of_infinitely_many_each_count_is_impossible():
    value, gradient = jax.value_and_grad(lambda r: Poisson(r).log_prob(3))(jnp.array(100.0))
    assert value == -np.inf
    assert gradient == 0


def test_where_no_count_is_expected_none_has_probability_one():
    log_rate = jnp.array([-jnp.inf, 0.0])
    np.testing.assert_allclose(Poisson(log_rate).log_prob(jnp.array([0.0, 0.0])), -1, rtol=1e-5)
    assert Poisson(log_rate).log_prob(jnp.array([1.0, 0.0])) == -jnp.inf
