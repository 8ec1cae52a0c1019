"""Residual bodies: identity at first, sizes, attention, skips from z; and gated dense layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.networks import Attention, GatedMLP, Residual, ResidualDecoder, ResidualEncoder

KEY = jax.random.key(0)


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def filled(params):
    """Parameters none of which is 0."""
    leaves, tree = jax.tree.flatten(params)
    return jax.tree.unflatten(
        tree, [leaf + 0.3 * normal(i, *leaf.shape) for i, leaf in enumerate(leaves)]
    )


@pytest.mark.parametrize("block", [Residual(), Attention(heads=2), Residual(norm=nn.LayerNorm)])
@pytest.mark.parametrize("shape", [(3, 2, 4), (5, 4)])
def test_a_block_begins_as_the_identity(block, shape):
    x = normal(1, *shape)
    params = block.init(KEY, x)
    np.testing.assert_array_equal(block.apply(params, x), x)
    assert np.max(np.abs(block.apply(filled(params), x) - x)) > 0.01


def test_a_block_is_the_formula():
    x, block = normal(1, 4, 5, 2), Residual(activation=jnp.tanh)
    params = filled(block.init(KEY, x))
    first, second = (nn.Conv(2, (3, 3)) for _ in range(2))
    own = params["params"]
    inside = jnp.tanh(first.apply({"params": own["Conv_0"]}, jnp.tanh(x)))
    expected = x + second.apply({"params": own["Conv_1"]}, inside)
    np.testing.assert_allclose(block.apply(params, x), expected, atol=1e-5)


def test_attention_is_the_formula():
    x, block = normal(1, 3, 2, 4), Attention()
    params = filled(block.init(KEY, x))
    own = params["params"]["MultiHeadDotProductAttention_0"]
    tokens = x.reshape(6, 4)

    def mapped(name):
        return tokens @ own[name]["kernel"][:, 0] + own[name]["bias"]

    q, k, v = map(mapped, ("query", "key", "value"))
    weights = jax.nn.softmax(q @ k.T / np.sqrt(4), axis=-1)
    out = weights @ v @ own["out"]["kernel"][0] + own["out"]["bias"][None]
    np.testing.assert_allclose(block.apply(params, x), x + out.reshape(x.shape), atol=1e-5)


@pytest.mark.parametrize("size", [(7, 5), (9,), (3, 5, 4)])
def test_sizes_are_those_of_the_convolutional_bodies(size):
    axes = len(size)
    encoder = ResidualEncoder((2, 4), blocks=2, attention=(-(-size[0] // 4),), axes=axes)
    x = jnp.ones((*size, 1))
    params = jax.eval_shape(encoder.init, KEY, x)
    names = {"Conv_0", "Conv_1", *(f"Residual_{n}" for n in range(4)), "Attention_0"}
    assert set(params["params"]) == names
    features = jax.eval_shape(encoder.apply, params, x)
    assert features.shape == (np.prod([-(-side // 4) for side in size]) * 4,)
    decoder = ResidualDecoder(size, (4, 2), attention=(-(-size[0] // 2),), axes=axes)
    others = jax.eval_shape(decoder.init, KEY, features)
    assert jax.eval_shape(decoder.apply, others, features).shape == (*size, 2)


def test_skips_tell_every_stage_of_z():
    z = normal(1, 3)
    with_skips, without = (ResidualDecoder((8, 8), (4, 2), skips=on) for on in (True, False))
    params = filled(with_skips.init(KEY, z))
    assert set(params["params"]) - set(without.init(KEY, z)["params"]) == {"Dense_1", "Dense_2"}
    first = params["params"]["Dense_0"]
    blind = {**params["params"], "Dense_0": jax.tree.map(jnp.zeros_like, first)}
    out = [with_skips.apply({"params": blind}, given) for given in (z, -z)]
    assert np.max(np.abs(out[0] - out[1])) > 0.01


def test_a_height_that_no_stage_has_is_refused():
    with pytest.raises(ValueError, match=r"no map of height 8 .*the heights \[2, 4\]"):
        ResidualEncoder((2, 2), attention=(8,)).init(KEY, jnp.ones((8, 8, 1)))
    with pytest.raises(ValueError, match=r"no map of height 8 .*the heights \[2, 4\]"):
        ResidualDecoder((8, 8), (2, 2), attention=(8,)).init(KEY, jnp.ones(2))


def test_a_gated_layer_is_the_formula():
    x, c, body = normal(1, 2, 2), normal(2, 3), GatedMLP((5,))
    params = filled(body.init(KEY, x, c))
    gate, value = (params["params"][f"{name}_0"] for name in ("gate", "value"))
    given = jnp.concatenate([x.ravel(), c])
    opened = jax.nn.sigmoid(given @ gate["kernel"] + gate["bias"])
    expected = opened * (given @ value["kernel"] + value["bias"])
    np.testing.assert_allclose(body.apply(params, x, c), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("body", "x"),
    [
        (ResidualEncoder((4, 8), dropout=0.5), jnp.ones((8, 8, 1))),
        (ResidualDecoder((8, 8), (8, 4), dropout=0.5), jnp.ones(3)),
        (GatedMLP((64,), dropout=0.5), jnp.ones(3)),
    ],
    ids=["encoder", "decoder", "gated"],
)
def test_dropout_needs_a_key_alone(body, x):
    params = filled(body.init(KEY, x))
    off = body.apply(params, x)
    np.testing.assert_array_equal(off, body.clone(dropout=0.0).apply(params, x))
    on = body.apply(params, x, rngs={"dropout": jax.random.key(1)})
    assert np.max(np.abs(on - off)) > 0.01


def test_half_precision_arithmetic_keeps_float32():
    for body, x in [
        (ResidualEncoder((2,), attention=(3,), norm=nn.LayerNorm, dtype=jnp.bfloat16), (5, 5, 1)),
        (ResidualDecoder((5, 5), (2,), skips=True, dtype=jnp.bfloat16), (3,)),
        (GatedMLP((4,), norm=nn.LayerNorm, dtype=jnp.bfloat16), (3,)),
    ]:
        params = jax.eval_shape(body.init, KEY, jnp.ones(x))
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
        assert jax.eval_shape(body.apply, params, jnp.ones(x)).dtype == jnp.bfloat16
