import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest
import scipy.stats

from vae_jax.distributions import Foreign, Gaussian


def _draw(distribution, key):
    return distribution.sample(key)


def _foreign(distribution):
    return Foreign(distribution, _draw, differentiable=distribution.has_rsample)


def test_log_prob_sums_over_the_event(precision):
    rng = np.random.default_rng(0)
    shape, rate = np.exp(rng.normal(size=(2, 5))).astype(precision.dtype)
    x = np.exp(rng.normal(size=5)).astype(precision.dtype)
    ours = _foreign(numpyro.Gamma(jnp.array(shape), jnp.array(rate))).log_prob(jnp.array(x))
    shape, rate, x = (np.float64(a) for a in (shape, rate, x))
    theirs = scipy.stats.gamma.logpdf(x, shape, scale=1 / rate).sum()
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, theirs, rtol=10 * precision.rtol)  # lgamma is less exact


def test_dependent_dimensions_are_not_summed_twice():
    cov, x = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([0.3, -1.0])
    q = _foreign(numpyro.MultivariateNormal(jnp.zeros(2), jnp.array(cov)))
    theirs = scipy.stats.multivariate_normal.logpdf(x, np.zeros(2), cov)
    np.testing.assert_allclose(q.log_prob(jnp.array(x)), theirs, rtol=2e-6)


def test_is_ours_where_we_have_it():
    rng = np.random.default_rng(0)
    loc, log_scale, x = jnp.array(rng.normal(size=(3, 5)))
    theirs = _foreign(numpyro.Normal(loc, jnp.exp(log_scale)))
    np.testing.assert_allclose(theirs.log_prob(x), Gaussian(loc, log_scale).log_prob(x), rtol=6e-6)


def test_reparameterized_as_declared():
    assert _foreign(numpyro.Normal(jnp.zeros(2), 1.0)).reparameterized
    assert not _foreign(numpyro.BernoulliLogits(jnp.zeros(2))).reparameterized


def test_differentiable_sampler_is_differentiated(key):
    grad = jax.grad(lambda loc: jnp.sum(_foreign(numpyro.Normal(loc, 1.0)).sample(key)))
    np.testing.assert_array_equal(grad(jnp.zeros(3)), 1)


def test_support_is_a_finite_density():
    q = _foreign(numpyro.Uniform(jnp.zeros(2), jnp.ones(2)))
    assert q.in_support(jnp.array([0.2, 0.9]))
    assert not q.in_support(jnp.array([0.2, jnp.nan]))
    assert not _foreign(numpyro.Normal(jnp.zeros(2), 1.0)).in_support(jnp.array([0.2, jnp.inf]))


def test_one_trace_for_every_instance(key):
    """The sampler is static: a function of the module does not make `jit` trace anew."""
    traces = []

    @jax.jit
    def sample(q, key):
        traces.append(1)
        return q.sample(key)

    for loc in (0.0, 1.0):
        sample(_foreign(numpyro.Normal(jnp.full(2, loc), jnp.ones(2))), key)
    assert len(traces) == 1


def test_no_mean():
    with pytest.raises(TypeError, match=r"Foreign has no mean.*sample\(key\)"):
        _foreign(numpyro.Normal(jnp.zeros(2), 1.0)).mean()


def test_shapes_are_not_broadcast():
    q = _foreign(numpyro.Normal(jnp.zeros((2, 3, 1)), 1.0))
    with pytest.raises(ValueError, match=r"events of shape \(2, 3, 1\) .* shape \(2, 3\)"):
        q.log_prob(jnp.zeros((2, 3)))
