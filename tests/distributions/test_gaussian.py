import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax import kl
from vae_jax.distributions import Gaussian, standard_gaussian


def _parameters(dtype):
    """loc, log_scale, x, [4, 5] each."""
    return np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)


def _scipy_log_prob(loc, log_scale, x):
    loc, log_scale, x = (np.asarray(a, np.float64) for a in (loc, log_scale, x))
    return scipy.stats.norm.logpdf(x, loc, np.exp(log_scale)).sum()


def test_log_prob_is_scipys(precision):
    loc, log_scale, x = _parameters(precision.dtype)
    ours = Gaussian(jnp.array(loc), jnp.array(log_scale)).log_prob(jnp.array(x))
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, _scipy_log_prob(loc, log_scale, x), rtol=precision.rtol)


def test_shared_scale_is_scipys(precision):
    loc, log_scale, x = _parameters(precision.dtype)
    ours = Gaussian(jnp.array(loc), jnp.array(log_scale[0, 0])).log_prob(jnp.array(x))
    theirs = _scipy_log_prob(loc, log_scale[0, 0], x)
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


def test_python_numbers_are_parameters():
    ours = Gaussian(0.5, -1.0).log_prob(0.2)
    np.testing.assert_allclose(ours, scipy.stats.norm.logpdf(0.2, 0.5, np.exp(-1)), rtol=6e-6)


def test_bytes_are_parameters():
    """5 - 7 is -2, and not 254."""
    q, x = Gaussian(jnp.array([7, 250], jnp.uint8), 0), jnp.array([5, 251], jnp.uint8)
    np.testing.assert_allclose(q.log_prob(x), _scipy_log_prob(q.loc, 0, x), rtol=6e-6)
    np.testing.assert_allclose(kl(q, Gaussian(x, 0)), (2**2 + 1**2) / 2, rtol=1e-6)


def test_standard_gaussian_is_scipys():
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    prior = standard_gaussian(2, 3)
    np.testing.assert_allclose(prior.log_prob(x), scipy.stats.norm.logpdf(x).sum(), rtol=6e-6)
    assert prior.sample(jax.random.key(0)).shape == (2, 3)
    assert standard_gaussian().log_prob(jnp.array(0.0)).shape == ()


def test_gradients_are_the_closed_forms(precision):
    loc, log_scale, x = _parameters(precision.dtype)
    q_grad, x_grad = jax.grad(lambda q, x: q.log_prob(x), (0, 1))(
        Gaussian(jnp.array(loc), jnp.array(log_scale)), jnp.array(x)
    )
    loc, log_scale, x = (a.astype(np.float64) for a in (loc, log_scale, x))
    z = (x - loc) / np.exp(log_scale)
    # z^2 - 1 cancels, so the error is relative to 1
    close = {"rtol": precision.rtol, "atol": precision.rtol}
    np.testing.assert_allclose(q_grad.loc, z / np.exp(log_scale), **close)
    np.testing.assert_allclose(q_grad.log_scale, z**2 - 1, **close)
    np.testing.assert_allclose(x_grad, -z / np.exp(log_scale), **close)


def test_sample_is_reparameterized(key):
    """x = loc + s eps: dx/dloc = 1, dx/dlog_scale = s eps = x - loc."""
    loc, log_scale, _ = _parameters(np.float32)
    q = Gaussian(jnp.array(loc), jnp.array(log_scale))
    q_grad = jax.grad(lambda q: jnp.sum(q.sample(key)))(q)
    np.testing.assert_array_equal(q_grad.loc, 1)
    # x - loc is rounded to half an ulp of x, below 4
    np.testing.assert_allclose(q_grad.log_scale, q.sample(key) - loc, rtol=1e-6, atol=5e-7)


def test_sample_is_gaussian_and_independent_over_dimensions(key):
    n = 5000
    q = Gaussian(jnp.array([-3.0, 0.0, 20.0]), jnp.array([-2.0, 0.0, 1.5]))
    x = np.asarray(jax.jit(jax.vmap(q.sample))(jax.random.split(key, n)), np.float64)
    z = (x - np.asarray(q.loc)) / np.exp(np.asarray(q.log_scale))
    assert all(scipy.stats.kstest(z_d, "norm").pvalue > 1e-3 for z_d in z.T)
    correlation = np.corrcoef(z.T)[np.triu_indices(3, 1)]
    assert np.all(np.abs(correlation) < 4.5 / np.sqrt(n))  # standard error 1 / sqrt(n)


@pytest.mark.parametrize("log_scale", [-20.0, 20.0])
def test_extreme_scales(log_scale):
    """Scales from 2e-9 to 5e8, values within 2 of them of the mean."""
    z = np.array([-2.0, -0.3, 0.0, 1.7])
    x = (z * np.exp(log_scale)).astype(np.float32)
    loc, log_scales = np.zeros(4, np.float32), np.full(4, log_scale, np.float32)
    log_prob, q_grad = jax.value_and_grad(lambda q: q.log_prob(x))(
        Gaussian(jnp.array(loc), jnp.array(log_scales))
    )
    # exp(20) in float32, squared: some ten roundings
    np.testing.assert_allclose(log_prob, _scipy_log_prob(loc, log_scales, x), rtol=2e-6)
    np.testing.assert_allclose(q_grad.loc * np.exp(log_scale), z, rtol=2e-6)
    np.testing.assert_allclose(q_grad.log_scale, z**2 - 1, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("log_scale", [-90.0, -200.0, -1e30])
def test_scales_whose_inverse_is_infinite(log_scale):
    """At the mean the density is what it is everywhere; off it, zero."""
    q = Gaussian(jnp.ones(2), jnp.full(2, log_scale))
    value, grad = jax.value_and_grad(lambda q: q.log_prob(jnp.ones(2)))(q)
    np.testing.assert_allclose(value, 2 * (-log_scale - 0.5 * np.log(2 * np.pi)), rtol=1e-6)
    np.testing.assert_array_equal(grad.loc, 0)
    np.testing.assert_array_equal(grad.log_scale, -1)
    assert q.log_prob(jnp.array([1.0, 1.001])) == -np.inf


def test_mean():
    loc = jnp.array([1.0, -2.0])
    np.testing.assert_array_equal(Gaussian(loc, jnp.ones(2)).mean(), loc)


def test_support():
    q = standard_gaussian(2)
    assert q.in_support(jnp.array([-1e30, 3.0]))
    for bad in (jnp.nan, jnp.inf, -jnp.inf):
        assert not q.in_support(jnp.array([0.0, bad]))


@pytest.mark.parametrize("shape", [(), (1,), (4,), (1, 3), (3, 1)])
def test_wrong_shape_of_value(shape):
    with pytest.raises(ValueError, match=r"Gaussian has events of shape \(3,\).*jax\.vmap"):
        standard_gaussian(3).log_prob(jnp.zeros(shape))


@pytest.mark.parametrize("shape", [(1,), (4,), (3, 3)])
def test_wrong_shape_of_log_scale(shape, key):
    q = Gaussian(jnp.zeros(3), jnp.zeros(shape))
    with pytest.raises(ValueError, match="neither \\[\\] nor the shape of loc"):
        q.log_prob(jnp.zeros(3))
    with pytest.raises(ValueError, match="neither \\[\\] nor the shape of loc"):
        q.sample(key)
