"""The MLP against matrix products, its dropout, conditions and precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.networks import MLP

X = jax.random.normal(jax.random.key(1), (3, 2))
C = jnp.array([0.5, -1.0])


def shapes(params):
    return jax.tree.map(jnp.shape, params["params"])


def init(body, x, c=None):
    return jax.jit(body.init)(jax.random.key(0), x, c)


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


def test_parameters_have_these_names_and_shapes():
    params = jax.eval_shape(MLP((5, 4), norm=nn.LayerNorm).init, jax.random.key(0), X, C)
    assert shapes(params) == {
        "Dense_0": {"kernel": (8, 5), "bias": (5,)},
        "LayerNorm_0": {"scale": (5,), "bias": (5,)},
        "Dense_1": {"kernel": (5, 4), "bias": (4,)},
        "LayerNorm_1": {"scale": (4,), "bias": (4,)},
    }


def test_each_layer_is_dense_then_norm_then_activation():
    body = MLP((5, 4), activation=nn.tanh, norm=nn.LayerNorm)
    params = init(body, X, C)
    p = jax.tree.map(lambda leaf: leaf + 0.3, params["params"])  # biases and scales off their start
    expected = jnp.concatenate([X.ravel(), C])
    for i in range(2):
        hidden, norm = dense(p[f"Dense_{i}"], expected), p[f"LayerNorm_{i}"]
        standard = (hidden - hidden.mean()) / jnp.sqrt(hidden.var() + 1e-6)
        expected = jnp.tanh(standard * norm["scale"] + norm["bias"])
    np.testing.assert_allclose(body.apply({"params": p}, X, C), expected, atol=1e-5)


def test_the_default_initializer_follows_the_activation_and_a_given_one_wins():
    x = jnp.ones(300)

    def variance(body):
        return float(jnp.var(init(body, x)["params"]["Dense_0"]["kernel"]))

    rtol = 5 * np.sqrt(2 / (300 * 200))
    np.testing.assert_allclose(variance(MLP((200,))), 2 / 300, rtol=rtol)
    np.testing.assert_allclose(variance(MLP((200,), nn.tanh)), 2 / 500, rtol=rtol)
    assert variance(MLP((200,), kernel_init=nn.initializers.constant(7.0))) == 0.0


def test_a_tuple_of_latents_is_one_vector():
    body = MLP((4,))
    params = init(body, (X, C))
    np.testing.assert_array_equal(body.apply(params, (X, C)), body.apply(params, X, C))


def test_without_a_key_dropout_is_off():
    params = init(MLP((50,)), X)
    np.testing.assert_array_equal(
        MLP((50,), dropout=0.9).apply(params, X), MLP((50,)).apply(params, X)
    )


def test_with_a_key_features_are_dropped_after_the_activation_and_the_others_scaled():
    # sigmoid: no feature is 0 before dropout, and half of one is not the sigmoid of anything here
    body = MLP((2000,), activation=nn.sigmoid, dropout=0.25)
    params = init(body, X)
    off = body.apply(params, X)
    on = body.apply(params, X, rngs={"dropout": jax.random.key(2)})
    kept = on != 0
    np.testing.assert_allclose(on[kept], off[kept] / 0.75, rtol=1e-6)
    np.testing.assert_allclose(kept.mean(), 0.75, atol=4 * np.sqrt(0.25 * 0.75 / 2000))


def test_dropout_differs_by_key_by_layer_and_by_example():
    body = MLP((50, 50), activation=lambda x: jnp.ones_like(x), dropout=0.5)
    params = init(body, X)
    keys = jax.random.split(jax.random.key(2), 2)
    first, second = jax.vmap(lambda key: body.apply(params, X, rngs={"dropout": key}))(keys)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, body.apply(params, X, rngs={"dropout": keys[0]}))


def test_half_precision_arithmetic_keeps_float32_parameters():
    body = MLP((5, 4), norm=nn.LayerNorm, dtype=jnp.bfloat16)
    params = init(body, X)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    assert body.apply(params, X).dtype == jnp.bfloat16
    single = MLP((5, 4), norm=nn.LayerNorm).apply(params, X)
    np.testing.assert_allclose(body.apply(params, X), single, atol=0.05)


def test_integer_pixels_are_taken_as_numbers():
    x = jnp.array([0, 1, 1], jnp.uint8)
    params = init(MLP((5,)), x)
    np.testing.assert_allclose(MLP((5,)).apply(params, x), MLP((5,)).apply(params, x * 1.0))


def test_a_condition_that_is_no_vector_is_refused():
    with pytest.raises(ValueError, match=r"condition vector \[Dc\].*shape \(\).*embed=one_hot"):
        init(MLP((5,)), X, 3)


def test_a_body_is_hashable():
    assert hash(MLP((5,))) == hash(MLP((5,)))
