import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax.distributions import FullGaussian, Gaussian


def _parameters(dtype, size=4):
    rng = np.random.default_rng(0)
    loc, log_scale, x = rng.normal(size=(3, size)).astype(dtype)
    return loc, log_scale, rng.normal(size=(size, size)).astype(dtype), x


def _covariance(log_scale, lower):
    factor = np.exp(np.float64(log_scale))[:, None] * (np.tril(np.float64(lower), -1) + np.eye(4))
    return factor @ factor.T


def test_log_prob_is_scipys(precision):
    loc, log_scale, lower, x = _parameters(precision.dtype)
    q = FullGaussian(*map(jnp.array, (loc, log_scale, lower)))
    ours = q.log_prob(jnp.array(x))
    assert ours.dtype == precision.dtype
    theirs = scipy.stats.multivariate_normal(loc, _covariance(log_scale, lower)).logpdf(x)
    np.testing.assert_allclose(ours, theirs, rtol=2 * precision.rtol)
    shaped = FullGaussian(q.loc.reshape(2, 2), q.log_scale.reshape(2, 2), q.lower)
    np.testing.assert_allclose(shaped.log_prob(x.reshape(2, 2)), ours, rtol=1e-6)


def test_without_covariances_it_is_diagonal(key):
    loc, log_scale, lower, x = map(jnp.array, _parameters(np.float32))
    ours, theirs = FullGaussian(loc, log_scale, jnp.triu(lower)), Gaussian(loc, log_scale)
    np.testing.assert_allclose(ours.log_prob(x), theirs.log_prob(x), rtol=1e-6)
    np.testing.assert_array_equal(ours.sample(key), theirs.sample(key))


@pytest.mark.parametrize("size", [3, 4, 5])
def test_a_batch_of_draws_is_made_of_its_noise(size):
    """Compiled for many at once as by hand: a fused sum was not."""
    loc, log_scale, lower, _ = _parameters(np.float32, size)
    q = FullGaussian(*map(jnp.array, (loc, log_scale, lower)))
    keys = jax.random.split(jax.random.key(1), 20_000)
    x = jax.jit(jax.vmap(q.sample))(keys)
    noise = np.float64(jax.vmap(lambda k: jax.random.normal(k, (size,)))(keys))
    factor = np.exp(log_scale)[:, None] * (np.tril(lower, -1) + np.eye(size))
    np.testing.assert_allclose(x, loc + noise @ factor.T, atol=1e-4)


def test_draws_have_the_covariances(key):
    loc, log_scale, lower, _ = _parameters(np.float32)
    q, n = FullGaussian(*map(jnp.array, (loc, log_scale, lower))), 20_000
    x = np.float64(jax.jit(jax.vmap(q.sample))(jax.random.split(key, n)))
    expected = _covariance(log_scale, lower)
    variance = np.diag(expected)
    error = np.sqrt((expected**2 + np.outer(variance, variance)) / n)
    assert np.all(np.abs(np.cov(x.T) - expected) < 4.5 * error)
    assert np.all(np.abs(x.mean(0) - loc) < 4.5 * np.sqrt(variance / n))


def test_second_derivatives_are_those_of_the_formula(x64):
    loc, log_scale, lower, x = map(jnp.array, _parameters(np.float64))

    def by_cholesky(loc, log_scale, lower):
        factor = jnp.exp(log_scale)[:, None] * (jnp.tril(lower, -1) + jnp.eye(4))
        noise = jnp.linalg.solve(factor, x - loc)
        return -0.5 * jnp.sum(noise**2) - jnp.sum(log_scale) - 2 * jnp.log(2 * jnp.pi)

    ours = jax.hessian(lambda *p: FullGaussian(*p).log_prob(x), (0, 1, 2))(loc, log_scale, lower)
    theirs = jax.hessian(by_cholesky, (0, 1, 2))(loc, log_scale, lower)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-8), ours, theirs)


def test_extremes():
    """A density that is 0 moves nothing, and one of a large factor is no NaN."""
    loc = jnp.zeros(3)
    for log_scale, lower in ((-200.0, 0.0), (0.0, 1e30), (-80.0, 1e20), (80.0, -1e30)):
        q = FullGaussian(loc, jnp.full(3, log_scale), jnp.full((3, 3), lower))
        value, gradient = jax.value_and_grad(lambda q: q.log_prob(jnp.ones(3)))(q)
        assert not jnp.isnan(value)
        assert all(jnp.all(~jnp.isnan(leaf)) for leaf in jax.tree.leaves(gradient))
        assert value == -np.inf or jnp.isfinite(value)


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"these must be \(3,\) and \(3, 3\)"):
        FullGaussian(jnp.zeros(3), jnp.zeros(()), jnp.zeros((3, 3))).log_prob(jnp.zeros(3))
    with pytest.raises(ValueError, match=r"FullGaussian has events of shape \(3,\).*jax\.vmap"):
        FullGaussian(jnp.zeros(3), jnp.zeros(3), jnp.zeros((3, 3))).log_prob(jnp.zeros(2))
