"""What the bounds draw from, checked at the door."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.checks import (
    check_count,
    check_example,
    check_key,
    check_likelihood,
    check_posterior,
    check_reparameterized,
)
from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event, Key

Encode = Callable[[Event], Distribution]
Decode = Callable[[Event], Distribution]


def posterior(key: Key, x: Event, encode: Encode, prior: Distribution) -> Distribution:
    """q(z|x), over the same event as the prior."""
    check_key(key)
    check_example(x)
    check_takes("encode", encode, "x")
    q = encode(x)
    check_posterior(q, prior, key)
    return q


def reparameterized_posterior(
    key: Key, x: Event, encode: Encode, prior: Distribution
) -> Distribution:
    """q(z|x), such that its draws carry its derivative."""
    q = posterior(key, x, encode, prior)
    check_reparameterized(q)
    return q


def likelihood(key: Key, x: Event, decode: Decode, z: Event) -> Distribution:
    """p(x|z), over events of the shape of x."""
    check_takes("decode", decode, "z")
    p = decode(z)
    check_likelihood(p, x, key)
    return p


def draw_keys(key: Key, num_samples: int) -> Key:
    """The keys of draws 0 .. num_samples - 1."""
    check_count("num_samples", num_samples)
    return sample_keys(key, jnp.arange(num_samples))


def sample_keys(key: Key, index: Array) -> Key:
    """The keys of the draws number `index` [K]: draw k has the same key however many there are."""
    return jax.vmap(lambda k: jax.random.fold_in(key, k))(index)


def by_itself(key: Key) -> Key:
    """A key whose draws do not depend on what is drawn beside it: for an "rbg" key one of threefry.

    Under `vmap` an "rbg" key's bits are those of the first key of the batch, at its own place in
    it: a number that is promised whatever the size of a batch, or of a chunk, is drawn with this.
    """
    words = jax.random.key_data(key)
    own = jax.random.wrap_key_data(words[:2], impl="threefry2x32")
    for word in words[2:]:  # a threefry key has two words, and is itself
        own = jax.random.fold_in(own, word)
    return own
