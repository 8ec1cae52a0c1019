"""Densities on the unit interval, in float32 against float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vae_jax.distributions import Beta, ContinuousBernoulli
from vae_jax.distributions.continuous_bernoulli import logits_of_mean

SIZES = np.array([0, 1e-30, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.99, 1, 1.01, 2, 5, 10, 16, 30, 100])
LOGITS = np.float32([*-SIZES[:0:-1], *SIZES])
X = np.float32([0, 1e-6, 0.1, 0.5, 0.7, 0.999, 1])


def cumulants(logits):
    """log (e^l - 1) / l and its first two derivatives, in float64; near 0 by its series."""
    l = np.asarray(logits, np.float64)  # noqa: E741
    t = np.where(l == 0, 1.0, l)
    near, s = np.abs(l) < 0.5, np.where(np.abs(l) < 0.5, l, 0.0)
    value = np.log(np.expm1(-np.abs(t)) / -np.abs(t)) + np.maximum(t, 0)
    first = 1 / -np.expm1(-t) - 1 / t
    second = 1 / t**2 - 1 / (4 * np.sinh(t / 2) ** 2)
    # B_2k l^2k / (2k (2k)!)
    value = np.where(near, s / 2 + s**2 / 24 - s**4 / 2880 + s**6 / 181440 - s**8 / 9676800, value)
    first = np.where(near, 0.5 + s / 12 - s**3 / 720 + s**5 / 30240 - s**7 / 1209600, first)
    second = np.where(near, 1 / 12 - s**2 / 240 + s**4 / 6048 - 7 * s**6 / 1209600, second)
    return value, first, second


def _of_logits(f):
    """f of every logit and every x, [logits, x]."""
    return jax.jit(jax.vmap(jax.vmap(f, (None, 0)), (0, None)))(LOGITS, X)


def log_prob(logit, x):
    return ContinuousBernoulli(logit).log_prob(x)


def test_continuous_bernoulli_and_two_derivatives():
    value, first, second = cumulants(LOGITS)
    l, x = np.float64(LOGITS)[:, None], np.float64(X)[None]  # noqa: E741
    exact = np.where(
        l > 0, l * (x - 1) - (value[:, None] - np.maximum(l, 0)), l * x - value[:, None]
    )
    # relative to the value, and to the larger of the terms that it is made of
    size = np.abs(l) * np.minimum(x + 1e-3, 1) + np.abs(np.log(np.abs(l) + 1))
    error = np.abs(_of_logits(log_prob) - exact)
    assert np.all(error <= 1e-6 * (np.abs(exact) + np.minimum(size, 10)))
    slope = _of_logits(jax.grad(log_prob))
    np.testing.assert_allclose(slope, x - first[:, None], rtol=1e-5, atol=2e-7)
    curve = _of_logits(jax.grad(jax.grad(log_prob)))
    np.testing.assert_allclose(curve, np.broadcast_to(-second[:, None], curve.shape), rtol=2e-5)
    np.testing.assert_allclose(_of_logits(jax.grad(log_prob, 1)), np.broadcast_to(l, curve.shape))


def test_continuous_bernoulli_of_no_logit_is_uniform():
    logit = jnp.zeros(())
    for x, expected in ((0.0, -0.5), (0.25, -0.25), (1.0, 0.5)):
        assert log_prob(logit, jnp.array(x)) == 0
        assert jax.grad(log_prob)(logit, jnp.array(x)) == expected
        assert jax.jacfwd(log_prob)(logit, jnp.array(x)) == expected


def test_mean_of_a_continuous_bernoulli_and_back():
    _, first, _ = cumulants(LOGITS)
    mean = ContinuousBernoulli(jnp.array(LOGITS)).mean()
    np.testing.assert_allclose(mean, first, rtol=1e-6)
    back = logits_of_mean(jnp.array([0.01, 0.2, 0.5, 0.7]))
    np.testing.assert_allclose(cumulants(back)[1], [0.01, 0.2, 0.5, 0.7], rtol=1e-5)


@pytest.mark.parametrize("logit", [0.0, 1e-7, 1e-4, 0.5, -0.5, 3.0, -16.0, 40.0, 100.0])
def test_draws_of_a_continuous_bernoulli(logit):
    n = 4000
    keys = jax.random.split(jax.random.key(0), n)
    draws = np.float64(jax.vmap(ContinuousBernoulli(jnp.array(logit)).sample)(keys))
    if logit == 0:
        theirs = scipy.stats.uniform.cdf
    else:
        theirs = lambda x: np.expm1(logit * x) / np.expm1(logit)  # noqa: E731
    assert 0 <= draws.min() < draws.max() <= 1
    assert scipy.stats.kstest(draws, theirs).pvalue > 1e-3


def test_what_is_no_grey_level_has_no_density():
    x = jnp.array([0.0, 1.0, 0.5])
    q = ContinuousBernoulli(jnp.array([0.1, 0.2, 0.3]))
    assert q.in_support(x)
    for bad in (255.0, -0.1, np.nan):
        assert q.log_prob(x.at[1].set(bad)) == -np.inf
        assert q.log_prob_factors(x.at[1].set(bad))[1] == -np.inf


POINTS = [1e-3, 0.1, 1.0, 3.0, 50.0, 1e3, 1e6]
LOG_ALPHA, LOG_BETA = np.float32(np.log(np.array(np.meshgrid(POINTS, POINTS)).reshape(2, -1)))


def test_beta_and_its_gradient():
    """At values like its draws, and at others; lgamma alone would be wrong by ones at 10^6."""
    a, b = np.exp(np.float64(LOG_ALPHA)), np.exp(np.float64(LOG_BETA))
    drawn = np.random.default_rng(0).beta(a, b, (5, a.size))
    grid = np.broadcast_to(np.array([[1e-3], [0.3], [0.9]]), (3, a.size))
    x = np.float32(np.clip(np.concatenate([drawn, grid]), 1e-30, 1 - 1e-7))
    score = jax.value_and_grad(lambda a, b, x: Beta(a, b).log_prob(x), (0, 1))
    value, (da, db) = jax.jit(jax.vmap(jax.vmap(score), (None, None, 0)))(LOG_ALPHA, LOG_BETA, x)
    x = np.float64(x)
    terms = (scipy.special.xlogy(a - 1, x), scipy.special.xlog1py(b - 1, -x))
    exact = terms[0] + terms[1] - scipy.special.betaln(a, b)
    np.testing.assert_allclose(value, exact, rtol=1e-5, atol=1e-4)
    digamma = scipy.special.digamma
    np.testing.assert_allclose(
        da, a * (np.log(x) - digamma(a) + digamma(a + b)), rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(
        db, b * (np.log1p(-x) - digamma(b) + digamma(a + b)), rtol=1e-4, atol=1e-3
    )


def test_beta_is_scipys(precision):
    a, b = np.array([0.3, 2.0, 30.0]), np.array([4.0, 0.7, 9.0])
    x = np.array([0.2, 0.6, 0.8], precision.dtype)
    q = Beta(*(jnp.array(np.log(p), precision.dtype) for p in (a, b)))
    ours = q.log_prob(jnp.array(x))
    assert ours.dtype == precision.dtype
    theirs = scipy.stats.beta.logpdf(np.float64(x), a, b).sum()
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol, atol=precision.rtol)
    np.testing.assert_allclose(q.mean(), a / (a + b), rtol=1e-6)


def test_beta_by_its_mean():
    q = Beta.of_mean(jnp.array([-9.0, 0.4]), jnp.log(jnp.array([5.0, 20.0])))
    mean = scipy.special.expit(np.float64([-9.0, np.float32(0.4)]))
    np.testing.assert_allclose(q.mean(), mean, rtol=1e-5)
    np.testing.assert_allclose(np.exp(q.log_alpha) + np.exp(q.log_beta), [5.0, 20.0], rtol=1e-5)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.1, np.nan, np.inf])
def test_the_ends_have_no_finite_density_of_a_beta(bad):
    q = Beta(jnp.zeros(2), jnp.ones(2))
    x = jnp.array([0.5, bad])
    assert not q.in_support(x)
    assert q.log_prob(x) == -np.inf
    for remedy in ("vae_jax.data.dequantise", r"(x (N - 1) + 1/2) / N", "continuous Bernoulli"):
        assert remedy in q.support


def test_draws_of_a_beta_are_inside():
    """Of alpha = 10^-3 most draws are below the least float, or above the largest under 1."""
    q = Beta(jnp.full(200, -6.9), jnp.full(200, -6.9))
    x = q.sample(jax.random.key(0))
    assert q.in_support(x)
    assert jnp.isfinite(q.log_prob(x))


def test_parameters_of_a_beta_of_two_shapes():
    with pytest.raises(ValueError, match=r"log_alpha has shape \(2,\) and log_beta \(\)"):
        Beta(jnp.zeros(2), jnp.zeros(())).log_prob(jnp.full(2, 0.5))
