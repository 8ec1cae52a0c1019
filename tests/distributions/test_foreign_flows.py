"""A flowjax distribution as a posterior, where flowjax is installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Foreign, Gaussian, flows, sampled_elbo, standard_gaussian
from vae_jax.distributions import Flowed

bijections = pytest.importorskip("flowjax.bijections")
distributions = pytest.importorskip("flowjax.distributions")

SHIFT, LOG_SCALE = jnp.array([0.3, -1.0]), jnp.array([0.2, -0.5])


def draw(distribution, key):
    return distribution.sample(key)


def test_a_flowjax_distribution_is_one_of_ours(key):
    base = distributions.Normal(jnp.zeros(2), jnp.ones(2))
    theirs = distributions.Transformed(base, bijections.Affine(SHIFT, jnp.exp(LOG_SCALE)))
    q = Foreign(theirs, draw, differentiable=True)
    ours = Flowed(standard_gaussian(2), flows.Affine(SHIFT, LOG_SCALE))
    z = jax.jit(q.sample)(key)
    np.testing.assert_allclose(q.log_prob(z), ours.log_prob(z), rtol=1e-5)
    assert q.in_support(z)
    model = lambda z: Gaussian(z, jnp.zeros(2))  # noqa: E731
    bounds = [
        jax.vmap(
            lambda key, q=q: (
                sampled_elbo(key, jnp.ones(2), lambda x: q, model, standard_gaussian(2)).value
            )
        )(jax.random.split(key, 2000)).mean()
        for q in (q, ours)
    ]
    np.testing.assert_allclose(bounds[0], bounds[1], atol=0.15)
