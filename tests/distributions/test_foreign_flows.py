"""A flowjax distribution as a posterior: a stand-in of its form, and where it is installed itself
(of 19.1.2, with JAX 0.10.2, it was tried; it is no dependency).
"""

from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score

from vae_jax import Foreign, Gaussian, flows, sampled_elbo, standard_gaussian
from vae_jax.distributions import Flowed

SHIFT, LOG_SCALE = jnp.array([0.3, -1.0]), jnp.array([0.2, -0.5])


class StandIn(flax.struct.PyTreeNode):
    """As `flowjax.distributions.Transformed` is called: one event a call, the density summed over
    it; functions are among its leaves."""

    shift: jax.Array
    log_scale: jax.Array
    scale_of: Callable = jnp.exp

    def sample(self, key):
        noise = jax.random.normal(key, self.shift.shape)
        return self.shift + self.scale_of(self.log_scale) * noise

    def log_prob(self, x):
        noise = (x - self.shift) / self.scale_of(self.log_scale)
        return jnp.sum(jax.scipy.stats.norm.logpdf(noise) - self.log_scale)


def of_flowjax(shift, log_scale):
    bijections = pytest.importorskip("flowjax.bijections")
    distributions = pytest.importorskip("flowjax.distributions")
    base = distributions.Normal(jnp.zeros(2), jnp.ones(2))
    return distributions.Transformed(base, bijections.Affine(shift, jnp.exp(log_scale)))


def draw(distribution, key):
    return distribution.sample(key)


def of_ours(shift, log_scale):
    return Flowed(standard_gaussian(2), flows.Affine(shift, log_scale))


@pytest.mark.parametrize("make", [StandIn, of_flowjax], ids=["stand-in", "flowjax"])
def test_a_flowjax_distribution_is_one_of_ours(make, key):
    """Its density, and the bound of a posterior with its gradient, within standard errors."""

    def of_theirs(shift, log_scale):
        return Foreign(make(shift, log_scale), draw, differentiable=True)

    q, ours = of_theirs(SHIFT, LOG_SCALE), of_ours(SHIFT, LOG_SCALE)
    z = jax.jit(q.sample)(key)
    assert z.shape == (2,)
    np.testing.assert_allclose(q.log_prob(z), ours.log_prob(z), rtol=1e-5)
    assert q.in_support(z)
    with pytest.raises(TypeError, match="sums its log-density over all dimensions"):
        q.log_prob_factors(z)

    def bound(params, key, of):
        decode = lambda z: Gaussian(jnp.tanh(z), jnp.zeros(2))  # noqa: E731
        prior = standard_gaussian(2)
        return sampled_elbo(key, jnp.ones(2), lambda x: of(*params), decode, prior).value

    def both(their_key, our_key):
        value_and_grad, params = jax.value_and_grad(bound), (SHIFT, LOG_SCALE)
        theirs, own = (
            value_and_grad(params, k, of) for k, of in ((their_key, of_theirs), (our_key, of_ours))
        )
        return jax.tree.map(jnp.subtract, theirs, own)

    keys = jax.random.split(jax.random.key(1), (2, 2000))
    apart = jax.jit(jax.vmap(both))(*keys)
    assert all(np.all(np.abs(z_score(part)) < 4.5) for part in jax.tree.leaves(apart))
