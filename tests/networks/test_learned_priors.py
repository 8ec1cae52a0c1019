"""Priors with parameters of their own: the densities that these say."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from vae_jax.networks import (
    AutoregressiveHead,
    CausalTransformer,
    GaussianHead,
    HeadPrior,
    LearnedMixture,
)

GRID = np.linspace(-6, 6, 121)
PLANE = np.stack(np.meshgrid(GRID, GRID, indexing="ij"), axis=-1).reshape(-1, 2)
AREA = (GRID[1] - GRID[0]) ** 2


def moved(module, by):
    """Parameters that are not those it begins at, and the distribution they make."""
    params = module.init(jax.random.key(0))
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noisy = [
        leaf + by * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)
    ]
    params = jax.tree.unflatten(tree, noisy)
    return params["params"], module.apply(params)


def test_a_learned_mixture_is_that_of_its_parameters():
    """Weights exp(logits), deviations exp(raw) + exp(floor); and it begins at equal weights."""
    module = LearnedMixture(3, 2, floor=-1.0)
    params, prior = moved(module, 0.7)
    own = {name: np.float64(leaf) for name, leaf in params.items()}
    weight = np.exp(own["logits"]) / np.exp(own["logits"]).sum()
    scale = np.exp(own["log_scale"]) + np.exp(-1.0)
    each = scipy.stats.norm.pdf(PLANE[:, None], own["loc"], scale).prod(-1)  # [N, C]
    found = jax.vmap(prior.log_prob)(jnp.array(PLANE))
    np.testing.assert_allclose(found, np.log(each @ weight), rtol=1e-4, atol=1e-4)
    first = module.init(jax.random.key(0))["params"]
    assert not first["logits"].any()
    assert len(np.unique(first["loc"])) == 6


def test_a_prior_of_each_value_given_those_before_is_the_product():
    """Of two values p(z1) p(z2|z1): the second is told the first, and it is a density."""

    def column(z):
        return z[:, None]

    network = CausalTransformer(2, 8, 1, 1)
    _, prior = moved(HeadPrior(AutoregressiveHead(network, GaussianHead((2,)), column)), 0.3)

    @jax.jit
    def of(z):
        untold = prior.conditionals(jnp.full(2, 9.0))  # the first value is told nothing
        told = prior.conditionals(z.at[1].set(9.0))  # and the second the first
        return prior.log_prob(z), untold.loc[0], untold.log_scale[0], told.loc[1], told.log_scale[1]

    found, *moments = (np.float64(part) for part in jax.vmap(of)(jnp.array(PLANE, jnp.float32)))
    loc1, log_scale1, loc2, log_scale2 = moments
    expected = scipy.stats.norm.logpdf(PLANE[:, 0], loc1, np.exp(log_scale1))
    expected += scipy.stats.norm.logpdf(PLANE[:, 1], loc2, np.exp(log_scale2))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert np.ptp(loc2) > 0.1
    np.testing.assert_allclose(np.sum(np.exp(found)) * AREA, 1.0, atol=1e-3)
