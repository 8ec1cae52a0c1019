"""The score-free gradient in every mode of differentiation, and its own derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from vae_jax import Gaussian, ciwae, importance_weighted, iwae, iwae_bound, miwae, sampled_elbo
from vae_jax.models import VAE

_X = np.array([0.3, -0.7])
_PARAMS = {
    "encoder": {"slope": np.array([0.2, 0.5]), "log_scale": np.array([-0.3, 0.1])},
    "decoder": {"matrix": np.array([[1.0, 0.3], [-0.2, 0.8]])},
    "prior": {"loc": np.array([0.1, -0.1])},
}
_BOUNDS = {
    "sampled_elbo": lambda *args: sampled_elbo(*args, num_samples=2, score_free=True).value,
    "iwae": lambda *args: iwae(*args, num_samples=3, score_free=True),
    "miwae": lambda *args: miwae(*args, num_groups=2, num_samples=2, score_free=True),
    "ciwae": lambda *args: ciwae(*args, num_samples=3, beta=0.3, score_free=True),
}


def encode(params, x, c=None, key=None):
    return Gaussian(params["encoder"]["slope"] * x, params["encoder"]["log_scale"])


def decode(params, z, c=None, key=None):
    return Gaussian(params["decoder"]["matrix"] @ jnp.tanh(z), jnp.full(2, -0.5))


def prior(params, c=None, key=None):
    return Gaussian(params["prior"]["loc"], jnp.zeros(2))


def of(bound, key):
    """The parameters [P], and the bound as a function of them."""
    flat, tree = ravel_pytree(jax.tree.map(jnp.asarray, _PARAMS))  # in float64, by now

    def value(flat):
        p = tree(flat)
        return bound(key, jnp.asarray(_X), lambda x: encode(p, x), lambda z: decode(p, z), prior(p))

    return flat, value


def objective(key):
    """The same of a model."""
    model = VAE(lambda key, x, c=None: _PARAMS, encode, decode, prior)
    loss = importance_weighted(model, iwae_bound(), num_draws=3, score_free=True)
    flat, tree = ravel_pytree(jax.tree.map(jnp.asarray, _PARAMS))
    batch = {"x": jnp.stack([_X, 2 * _X])}
    return flat, lambda flat: loss(tree(flat), key, batch, 0)[0]


def assert_its_hessian(flat, value):
    """Against differences of the gradient: what was left out of that is not left out twice. It is
    symmetric in the mean alone."""
    gradient, step = jax.jit(jax.grad(value)), 1e-5
    steps = step * np.eye(flat.size)
    differences = [(gradient(flat + s) - gradient(flat - s)) / (2 * step) for s in steps]
    for hessian in (jax.hessian(value), jax.jacrev(jax.grad(value))):
        np.testing.assert_allclose(jax.jit(hessian)(flat).T, differences, rtol=0, atol=1e-8)


@pytest.mark.parametrize("bound", _BOUNDS.values(), ids=_BOUNDS)
def test_a_hessian_is_the_derivative_of_the_gradient(bound, key, x64):
    assert_its_hessian(*of(bound, key))


def test_a_hessian_of_an_objective(key, x64):
    assert_its_hessian(*objective(key))


@pytest.mark.parametrize("bound", [_BOUNDS["sampled_elbo"], _BOUNDS["iwae"]])
def test_every_way_of_differentiation_gives_the_same(bound, key, x64):
    flat, value = of(bound, key)
    gradient = jax.jit(jax.grad(value))(flat)

    def summed(flat):
        return jax.lax.scan(lambda sum_, _: (sum_ + value(flat), 0), 0.0, None, length=2)[0]

    ways = {
        "not compiled": jax.grad(value)(flat),
        "forward": jax.jit(jax.jacfwd(value))(flat),
        "recomputed": jax.jit(jax.grad(jax.checkpoint(value)))(flat),
        "in a loop": jax.jit(jax.grad(summed))(flat) / 2,
        "of several": jax.jit(jax.vmap(jax.grad(value)))(jnp.stack([0 * flat, flat]))[1],
    }
    for way, found in ways.items():
        np.testing.assert_allclose(found, gradient, rtol=0, atol=1e-12, err_msg=way)
