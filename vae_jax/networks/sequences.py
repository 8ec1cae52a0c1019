"""What the networks of sequences share.

**Encoders** are bodies, body(x, c=None), of a sequence x [T, D] whose array may end in padding:
the condition c is then its length, an integer, by Network(..., embed=lambda length: length). What
the padding holds changes nothing, to the bit; how much there is, nothing but rounding.

**Causal networks** are called as network(features, x), with the features of a latent, [F], and give
a feature map [T, F'] that at t is told x before t. `AutoregressiveHead` makes a distribution of it.
A pass over all places and a step of one are one function, of n places from `place` on and of what
is carried; so they agree.
"""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def behind(x: Array) -> Array:
    """[T, D] -> what is before each place: zeros, x_0, ..., x_T-2."""
    return jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])


def before(x: Array, place: Array) -> Array:
    """That of one place, [1, D]."""
    last = jax.lax.dynamic_slice_in_dim(x, place - 1, 1)  # of place 0 some value
    return jnp.where(place > 0, last, jnp.zeros_like(last))


def with_gaps(network: Any, x: Array) -> Array:
    """x [T, D] with whole rows set to 0 with probability `network.word_dropout`, if there is an rng
    "dropout": what is before is then to be known by z.

    Reference: Bowman et al. 2016, arXiv 1511.06349, sec. 3.
    """
    if network.word_dropout == 0 or not network.has_rng("dropout"):
        return x
    kept = jax.random.bernoulli(network.make_rng("dropout"), 1 - network.word_dropout, x.shape[:1])
    return jnp.where(kept[:, None], x, jnp.zeros_like(x))


def as_numbers(x: Array, dtype: Any) -> Array:
    """x in the type of the arithmetic; integers as float32."""
    if dtype is not None:
        return x.astype(dtype)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def known(x: Array, length: Array | None, dtype: Any) -> tuple[Array, Array]:
    """x [T, D] with zeros in the place of padding, and which places are none, [T] bool.

    Raises:
      ValueError: x is no sequence; the length is no integer [].
    """
    check_sequence(x)
    if length is None:
        return as_numbers(x, dtype), jnp.ones(len(x), bool)
    if jnp.shape(length) != () or not jnp.issubdtype(jnp.result_type(length), jnp.integer):
        raise ValueError(
            "An encoder of sequences takes a length for its condition, an integer []; got"
            f" {jnp.result_type(length)}{list(jnp.shape(length))}: give it by Network(...,"
            " embed=lambda length: length)."
        )
    inside = jnp.arange(len(x)) < length
    return as_numbers(jnp.where(inside[:, None], x, jnp.zeros_like(x)), dtype), inside


def check_sequence(x: Array, length: int | None = None) -> None:
    """ValueError unless x is [T, D], of this length T."""
    if jnp.ndim(x) != 2 or length not in (None, len(x)):
        wanted = "T" if length is None else length
        raise ValueError(
            f"This network takes one sequence [{wanted}, D], and was given an array of shape"
            f" {jnp.shape(x)}. Tokens [T] become indicators by preprocess=one_hot(K), numbers [T]"
            " get an axis, x[:, None]; map over a batch with jax.vmap."
        )
