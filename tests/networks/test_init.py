"""Initializers by activation, against the papers' variances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.networks import default_init

SHAPE = (300, 500)  # fan_in, fan_out
N = 300 * 500


def draw(activation):
    return np.asarray(default_init(activation)(jax.random.key(0), SHAPE, jnp.float32))


@pytest.mark.parametrize("activation", [nn.relu, nn.gelu, nn.silu, nn.leaky_relu, lambda x: x])
def test_he_normal_for_relu_its_kind_and_unknown_functions(activation):
    # a normal's sample variance has relative standard error sqrt(2 / n), a truncated one's less
    np.testing.assert_allclose(np.var(draw(activation)), 2 / 300, rtol=5 * np.sqrt(2 / N))


@pytest.mark.parametrize("activation", [nn.tanh, jnp.tanh, jax.nn.sigmoid, nn.hard_tanh])
def test_glorot_uniform_for_tanh_and_sigmoid(activation):
    kernel, limit = draw(activation), np.sqrt(6 / 800)
    assert limit * (1 - 1e-3) < np.max(np.abs(kernel)) <= limit
    np.testing.assert_allclose(np.var(kernel), limit**2 / 3, rtol=5 * np.sqrt(0.8 / N))


def test_lecun_normal_for_selu():
    np.testing.assert_allclose(np.var(draw(nn.selu)), 1 / 300, rtol=5 * np.sqrt(2 / N))


def test_he_keeps_the_size_of_the_signal_through_relu_layers():
    x = jax.random.normal(jax.random.key(1), (400,))
    for key in jax.random.split(jax.random.key(2), 10):
        x = nn.relu(x @ default_init(nn.relu)(key, (400, 400), jnp.float32))
    # the mean square stays 1 (LeCun's variance would halve it), times (1, 5 / 400) for each layer
    np.testing.assert_allclose(np.log(jnp.mean(x**2)), 0, atol=3 * np.sqrt(10 * 5 / 400))
