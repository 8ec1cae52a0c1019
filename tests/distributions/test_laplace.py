import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax.distributions import Laplace


def _parameters(dtype):
    """loc, log_scale, x, [4, 5] each."""
    return np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)


def _scipy_log_prob(loc, log_scale, x):
    loc, log_scale, x = (np.asarray(a, np.float64) for a in (loc, log_scale, x))
    return scipy.stats.laplace.logpdf(x, loc, np.exp(log_scale)).sum()


def test_log_prob_is_scipys(precision):
    loc, log_scale, x = _parameters(precision.dtype)
    for scale in (log_scale, log_scale[0, 0]):
        ours = Laplace(jnp.array(loc), jnp.array(scale)).log_prob(jnp.array(x))
        assert ours.dtype == precision.dtype
        np.testing.assert_allclose(ours, _scipy_log_prob(loc, scale, x), rtol=precision.rtol)


def test_gradients_are_the_closed_forms(precision):
    loc, log_scale, x = _parameters(precision.dtype)
    q_grad, x_grad = jax.grad(lambda q, x: q.log_prob(x), (0, 1))(
        Laplace(jnp.array(loc), jnp.array(log_scale)), jnp.array(x)
    )
    loc, log_scale, x = (a.astype(np.float64) for a in (loc, log_scale, x))
    distance, b = x - loc, np.exp(log_scale)
    close = {"rtol": precision.rtol, "atol": precision.rtol}
    np.testing.assert_allclose(q_grad.loc, np.sign(distance) / b, **close)
    np.testing.assert_allclose(q_grad.log_scale, np.abs(distance) / b - 1, **close)
    np.testing.assert_allclose(x_grad, -np.sign(distance) / b, **close)


@pytest.mark.parametrize("log_scale", [-90.0, -200.0, -1e30])
def test_scales_whose_inverse_is_infinite(log_scale):
    """At the median the density is what it is everywhere; off it, zero."""
    q = Laplace(jnp.ones(2), jnp.full(2, log_scale))
    for value, grad in (
        jax.value_and_grad(lambda q: q.log_prob(jnp.ones(2)))(q),
        (q.log_prob(jnp.ones(2)), jax.jacfwd(lambda q: q.log_prob(jnp.ones(2)))(q)),
    ):
        np.testing.assert_allclose(value, 2 * (-log_scale - np.log(2)), rtol=1e-6)
        np.testing.assert_array_equal(grad.loc, 0)
        np.testing.assert_array_equal(grad.log_scale, -1)
    assert q.log_prob(jnp.array([1.0, 1.001])) < -1e36


@pytest.mark.parametrize("log_scale", [-20.0, 20.0])
def test_extreme_scales(log_scale):
    z = np.array([-2.0, -0.3, 0.0, 1.7])
    x = (z * np.exp(log_scale)).astype(np.float32)
    q = Laplace(jnp.zeros(4), jnp.full(4, log_scale))
    log_prob, grad = jax.value_and_grad(lambda q: q.log_prob(x))(q)
    np.testing.assert_allclose(log_prob, _scipy_log_prob(q.loc, q.log_scale, x), rtol=2e-6)
    np.testing.assert_allclose(grad.loc * np.exp(log_scale), np.sign(z), rtol=2e-6)
    np.testing.assert_allclose(grad.log_scale, np.abs(z) - 1, rtol=2e-6, atol=2e-6)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"Laplace has events of shape \(3,\).*jax\.vmap"):
        Laplace(jnp.zeros(3), jnp.zeros(())).log_prob(jnp.zeros(4))
    with pytest.raises(ValueError, match="neither \\[\\] nor the shape of loc"):
        Laplace(jnp.zeros(3), jnp.zeros(1)).log_prob(jnp.zeros(3))
