"""Where the parameters of a likelihood begin: at the moments of the training data."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax.typing import Initializer

from vae_jax.evaluate.baselines import mean_and_variance
from vae_jax.networks.scales import FLOOR
from vae_jax.types import Array, Key

FRACTION = 0.5  # of the standard deviation, at which a scale begins
_FREQUENCIES = (0.001, 0.999)  # the least and the most, as Burda et al. 2015 have them
_LEAST_VARIANCE = math.exp(2 * FLOOR)

Moments = tuple[np.ndarray, np.ndarray]  # mean and variance, of each dimension


class FirstValues(NamedTuple):
    """Initializers, as in `Form`."""

    loc: Initializer
    log_scale: Initializer
    logits: Initializer
    log_deviation: Initializer


def first_values(examples: Callable[[], np.ndarray], levels: int) -> FirstValues:
    """The mean; the log of half the standard deviation; the logit of the mean; and the log of the
    standard deviation of all values together, which the differences of the means are part of.

    Of intensities in [0, 1], dequantised where they are integers: of each dimension, or of those
    that share a parameter together. The scale is one for all dimensions: where each begins at its
    own, those that hardly vary have gradients that drown the others' (docs/defaults.md).

    Data are read by the host when parameters are made, once, and are constants of a program that
    makes some: no device calls back for them.

    Args:
      examples: () -> training examples as they are stored, [N, ...].
      levels: of an intensity; 1 of floats.
    """
    # an integer is dequantised by a uniform number, of mean 1/2 and variance 1/12
    unit, middle, noise = (1, 0.0, 0.0) if levels == 1 else (levels, 1 / 2, 1 / 12)

    @cache
    def moments() -> Moments:
        return mean_and_variance(examples())

    def loc(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        return (mean + middle) / unit

    def log_scale(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        typical = np.full_like(variance, variance.mean() + noise) / unit**2
        return 0.5 * np.log(typical + _LEAST_VARIANCE) + np.log(FRACTION)

    def logits(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        frequency = np.clip(mean / max(levels - 1, 1), *_FREQUENCIES)
        return np.log(frequency) - np.log1p(-frequency)

    def log_deviation(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        mean, variance = moments()
        total = (variance.mean() + mean.var() + noise) / unit**2
        return jnp.full(shape, 0.5 * np.log(max(total, _LEAST_VARIANCE)), dtype)

    of_dimensions = (_initializer(moments, of) for of in (loc, log_scale, logits))
    return FirstValues(*(*of_dimensions, log_deviation))


def _initializer(
    moments: Callable[[], Moments], of: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Initializer:
    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        del key
        return jnp.asarray(of(*(_shared(moment, shape) for moment in moments())), dtype)

    return init


def _shared(moment: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of each dimension, of each channel, or of all."""
    if moment.size == np.prod(shape, dtype=int):
        return moment.reshape(shape)
    by_channel = moment.mean(axis=tuple(range(moment.ndim - len(shape))))
    return np.full(shape, by_channel if by_channel.shape == shape else moment.mean())
