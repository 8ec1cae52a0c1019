"""Initializers made of others: where parameters begin, in other units."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.distributions.continuous_bernoulli import logits_of_mean
from vae_jax.types import Array, Key

_FARTHEST = 0.999  # a mean that is bounded by 1 begins no nearer to it
_DARKEST = 0.01  # a mean in [0, 1] begins no nearer to an end: a logit of 100


def affine(first: float | Initializer, shift: float, scale: float = 1.0) -> float | Initializer:
    """scale * first + shift; itself, where that changes nothing."""
    if (shift, scale) == (0.0, 1.0):
        return first
    if not callable(first):
        return scale * first + shift

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return scale * first(key, shape, dtype) + shift

    return init


def in_levels(levels: int) -> tuple[float, float]:
    """Scale and shift, of dequantised numbers in [0, 1] to levels that lie in [-1, 1]."""
    return 2 * levels / (levels - 1), -levels / (levels - 1)


def through(f: Callable[[Array], Array], first: Initializer) -> Initializer:
    """f(first)."""

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return f(first(key, shape, dtype))

    return init


def inverse_tanh(first: Initializer) -> Initializer:
    """What tanh makes `first` of."""
    return through(lambda mean: jnp.arctanh(jnp.clip(mean, -_FARTHEST, _FARTHEST)), first)


def logits_of_grey(first: Initializer) -> Initializer:
    """The logits of continuous Bernoullis with the means `first`."""
    return through(lambda mean: logits_of_mean(jnp.clip(mean, _DARKEST, 1 - _DARKEST)), first)


def initializer(first: float | Initializer) -> Initializer:
    """Of a number, that number everywhere."""
    return first if callable(first) else nn.initializers.constant(first)
