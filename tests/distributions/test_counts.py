import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from vae_jax.distributions import Gaussian, NegativeBinomial, Poisson, ZeroInflated

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


def test_poisson_of_large_counts():
    """x! of 10^6 has 10^7 nats, of which float32 keeps the ones."""
    x = np.float32([1e4, 1e6, 1e7, 3])
    log_rate = np.log(np.float32([1.01e4, 1.001e6, 1e7, 1e-3]))
    exact = stats.poisson.logpmf(x, np.exp(np.float64(log_rate)))
    ours = Poisson(jnp.array(log_rate)).log_prob_factors(x)
    np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=1e-3)


THETAS, MEANS = [1e-3, 0.1, 1, 30, 1e4, 1e6, 1e8], [1e-3, 0.1, 1, 10, 1e3, 1e5, 1e7]
LOG_MEAN, LOG_THETA = np.float32(np.log(np.array(np.meshgrid(MEANS, THETAS)).reshape(2, -1)))


def _score(log_mean, log_theta, x):
    return NegativeBinomial(log_mean, log_theta).log_prob(x)


def test_negative_binomial_and_its_gradient():
    """At counts like its draws, and far from them."""
    m, t = np.exp(np.float64(LOG_MEAN)), np.exp(np.float64(LOG_THETA))
    drawn = np.random.default_rng(0)
    x = [drawn.poisson(m * drawn.gamma(t) / t) for _ in range(4)]
    x += [0 * m, 0 * m + 1, np.round(2 * m + 3), np.round(m / 3), 0 * m + 1000]
    x = np.stack(x).astype(np.float32)
    score = jax.jit(jax.vmap(jax.vmap(jax.value_and_grad(_score, (0, 1))), (None, None, 0)))
    value, (by_mean, by_theta) = score(LOG_MEAN, LOG_THETA, x)
    x, digamma = np.float64(x), special.digamma
    exact = special.gammaln(x + t) - special.gammaln(t) - special.gammaln(x + 1)
    exact += special.xlogy(x, m / (t + m)) - t * np.log1p(m / t)
    np.testing.assert_allclose(value, exact, rtol=1e-5, atol=1e-3)
    slope = (x - m) * t / (t + m)
    rounding = 1e-7 * m  # of m itself in float32
    assert np.all(np.abs(by_mean - slope) < 1e-3 * (1 + np.abs(slope)) + rounding)
    slope = t * (digamma(x + t) - digamma(t) - np.log1p(m / t) + (m - x) / (t + m))
    np.testing.assert_allclose(by_theta, slope, rtol=1e-3, atol=1e-3)
    theirs = stats.nbinom(t, t / (t + m)).logpmf(x)
    moderate = t < 1e5  # where scipy's own has its digits
    np.testing.assert_allclose(value[:, moderate], theirs[:, moderate], rtol=1e-5, atol=1e-3)


def test_negative_binomial_is_scipys(precision):
    m, t = np.array([0.3, 2.0, 30.0, 5.0]), np.array([4.0, 0.7, 9.0, 20.0])
    x = np.array([0, 3, 25, 9])
    q = NegativeBinomial(*(jnp.array(np.log(p), precision.dtype) for p in (m, t)))
    ours = q.log_prob(jnp.array(x))
    assert ours.dtype == precision.dtype
    theirs = stats.nbinom(t, t / (t + m)).logpmf(x).sum()
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


def test_negative_binomials_without_dispersion_are_poissons():
    x, log_mean = jnp.array([0.0, 3.0, 110.0]), jnp.log(jnp.array([0.2, 2.0, 100.0]))
    for log_theta in (25.0, 40.0, 1e4, 1e30):
        q = NegativeBinomial(log_mean, jnp.full(3, log_theta))
        np.testing.assert_allclose(q.log_prob(x), Poisson(log_mean).log_prob(x), rtol=1e-5)


@pytest.mark.parametrize("log_theta", [-1e30, -1e4, -90.0, 90.0, 1e30])
@pytest.mark.parametrize("log_mean", [-1e30, -1e4, 0.0, 80.0])
def test_extremes_of_a_negative_binomial(log_mean, log_theta):
    """Finite, or impossible, with finite derivatives."""
    for x in (0.0, 1.0, 1e6):
        score = jax.value_and_grad(_score, (0, 1))
        value, gradient = score(jnp.array(log_mean), jnp.array(log_theta), jnp.array(x))
        assert value <= 1e-6
        assert all(jnp.isfinite(slope) for slope in gradient)


def test_moments_of_negative_binomials():
    log_mean, log_theta = jnp.log(jnp.array([0.5, 20.0])), jnp.log(jnp.array([0.3, 50.0]))
    q, n = NegativeBinomial(log_mean, log_theta), 20_000
    draws = np.float64(jax.vmap(q.sample)(jax.random.split(jax.random.key(0), n)))
    mean, theta = np.exp(np.float64(log_mean)), np.exp(np.float64(log_theta))
    variance = mean + mean**2 / theta
    assert np.all(np.abs(draws.mean(0) - mean) < 4.5 * np.sqrt(variance / n))
    # kurtosis of the first: 6 / theta and 1 / variance more than 3
    error = variance * np.sqrt((2 + 6 / theta + 1 / variance) / n)
    assert np.all(np.abs(draws.var(0) - variance) < 4.5 * error)


def test_further_zeros():
    counts = NegativeBinomial(jnp.array([1.0, 0.0, 2.0]), jnp.array([0.0, 1.0, -1.0]))
    q = ZeroInflated(counts, jnp.array([-1.0, 0.5, 2.0]))
    x = jnp.array([0.0, 0.0, 4.0])
    pi = special.expit(np.float64(q.logits))
    own = np.exp(np.float64(counts.log_prob_factors(x)))
    exact = np.log(pi * (np.asarray(x) == 0) + (1 - pi) * own)
    np.testing.assert_allclose(q.log_prob_factors(x), exact, rtol=1e-5)
    np.testing.assert_allclose(q.mean(), (1 - pi) * np.exp([1.0, 0.0, 2.0]), rtol=1e-5)
    never = ZeroInflated(counts, jnp.full(3, -1e30))
    np.testing.assert_allclose(never.log_prob(x), counts.log_prob(x), rtol=1e-6)
    always = ZeroInflated(counts, jnp.full(3, 1e30))
    assert always.log_prob(jnp.zeros(3)) == 0


def test_what_has_no_further_zeros():
    with pytest.raises(
        TypeError, match=r"a mass at 0 to masses of counts.*Gaussian has the base m"
    ):
        ZeroInflated(Gaussian(jnp.zeros(2), jnp.zeros(2)), jnp.zeros(2)).log_prob(jnp.zeros(2))
    with pytest.raises(ValueError, match=r"ZeroInflated has events of shape \(\)"):
        ZeroInflated(Poisson(jnp.zeros(2)), jnp.zeros(())).log_prob(jnp.zeros(2))
    with pytest.raises(ValueError, match=r"log_mean has shape \(2,\) and log_theta \(\)"):
        NegativeBinomial(jnp.zeros(2), jnp.zeros(())).log_prob(jnp.zeros(2))
