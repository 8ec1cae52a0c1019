"""Encoders of sequences of several lengths: padding is not read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.networks import (
    MLP,
    GaussianHead,
    Network,
    Padded,
    RecurrentEncoder,
    TransformerEncoder,
    one_hot,
)

D, LENGTH, T = 3, 4, 7
ENCODERS = {
    "gru": RecurrentEncoder(5),
    "lstm": RecurrentEncoder(4, layers=2, cell=nn.OptimizedLSTMCell),
    "transformer": TransformerEncoder(T, width=8, layers=2, heads=2),
}
encoders = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
X = jnp.array(np.random.default_rng(0).normal(size=(T, D)), jnp.float32)


def features_of(encoder, key):
    """(x, length) -> features, by parameters none of which is zero."""
    params = encoder.init(key, X, jnp.array(LENGTH))
    params = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), params)
    return jax.jit(lambda x, length: encoder.apply(params, x, length))


@encoders
def test_what_the_padding_holds_changes_nothing_and_how_much_nothing_but_rounding(encoder, key):
    features = features_of(encoder, key)
    length = jnp.array(LENGTH)
    first = features(X, length)
    for padding in (0.0, 1e6, jnp.nan, -jnp.inf):
        np.testing.assert_array_equal(features(X.at[LENGTH:].set(padding), length), first)
    for shorter in (LENGTH, T - 1):
        np.testing.assert_allclose(features(X[:shorter], length), first, rtol=1e-6, atol=1e-6)
    gradient = jax.grad(lambda x: features(x, length).sum())(X.at[LENGTH:].set(jnp.nan))
    np.testing.assert_array_equal(gradient[LENGTH:], 0)
    assert np.all(np.abs(gradient[:LENGTH]).max(axis=1) > 1e-6)


@encoders
def test_without_a_length_all_is_read(encoder, key):
    features = features_of(encoder, key)
    whole = features(X, None)
    np.testing.assert_allclose(features(X, jnp.array(T)), whole, rtol=1e-6, atol=1e-6)
    assert np.abs(features(X[::-1], None) - whole).max() > 1e-3  # their order counts
    np.testing.assert_array_equal(features(X, jnp.array(0)), 0)


def test_dense_layers_read_zeros_and_the_length_beside_them(key):
    features = features_of(Padded(MLP((4,)), one_hot(T + 1)), key)
    length = jnp.array(LENGTH)
    first = features(X, length)
    for padding in (0.0, 1e6, jnp.nan, -jnp.inf):
        np.testing.assert_array_equal(features(X.at[LENGTH:].set(padding), length), first)
    zeros_at_its_end = X.at[LENGTH - 1 :].set(0.0)
    shorter = features(zeros_at_its_end, jnp.array(LENGTH - 1))
    assert np.abs(shorter - features(zeros_at_its_end, length)).max() > 1e-3
    np.testing.assert_array_equal(features(X, None), features(X, jnp.array(T)))


def test_a_posterior_of_tokens_of_several_lengths(key):
    """Whose padding is no token."""
    network = Network(
        RecurrentEncoder(4), GaussianHead((2,)), lambda length: length, one_hot(3, missing=True)
    )
    x = jnp.array([0, 2, 1, -1, -1])
    params = network.init(key, x, jnp.array(3))
    made = [network.apply(params, x.at[3:].set(pad), jnp.array(3)).loc for pad in (-1, 2, 99)]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@encoders
def test_what_is_no_length_is_refused(encoder, key):
    with pytest.raises(ValueError, match=r"takes a length .*got float32\[2\]: give it by Network"):
        encoder.init(key, X, jnp.ones(2))
    with pytest.raises(ValueError, match=r"one sequence \[T, D\], .* shape \(7,\)"):
        encoder.init(key, X[:, 0], jnp.array(2))


def test_a_sequence_beyond_the_places_is_refused(key):
    with pytest.raises(ValueError, match="A sequence has 7 places, and this encoder length=5"):
        TransformerEncoder(5, width=8).init(key, X)
