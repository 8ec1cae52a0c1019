"""Initializers made of others: where parameters begin, in other units."""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.types import Array, Key

_FARTHEST = 0.999  # a mean that is bounded by 1 begins no nearer to it


def affine(first: float | Initializer, shift: float, scale: float = 1.0) -> float | Initializer:
    """scale * first + shift; itself, where that changes nothing."""
    if (shift, scale) == (0.0, 1.0):
        return first
    if not callable(first):
        return scale * first + shift

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return scale * first(key, shape, dtype) + shift

    return init


def inverse_tanh(first: Initializer) -> Initializer:
    """What tanh makes `first` of."""

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jnp.arctanh(jnp.clip(first(key, shape, dtype), -_FARTHEST, _FARTHEST))

    return init


def initializer(first: float | Initializer) -> Initializer:
    """Of a number, that number everywhere."""
    return first if callable(first) else nn.initializers.constant(first)
