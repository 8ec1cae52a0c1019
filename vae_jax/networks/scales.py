"""The scale of a Gaussian head: fixed, read from data, learned, or predicted.

A scale is called as `scale(features, event_shape)` and returns `log_scale`, exactly of the shape
of the event: **the log of a standard deviation**. From a variance: log_scale = 0.5 * log(var); from
a log-variance: log_scale = 0.5 * log_var.

Why a ceiling: KL(q || p) has the square of a ratio of scales, which is infinite from a log_scale of
45 on; one step that is too long gets there, and no gradient comes back.

Why a floor: real data has constant pixels (67 of MNIST's 784). There the decoder's mean is exact,
the density grows without bound as the scale goes to 0, and training chases it.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.networks.init import where_made
from vae_jax.networks.project import project
from vae_jax.types import Array, Key

SPEED = 10.0  # of a learned scale, of the weights': docs/defaults.md
CEILING = 20.0  # a deviation of 5e8, far from any prior's, and a rate of 1e17 nats, still finite
FLOOR = -6.0  # as in sigma-VAE's code: 0.6 of a grey level, for 8-bit pixels in [0, 1]


def soft_floor(raw: Array, floor: float | None) -> Array:
    """log_scale, never under `floor`, and smooth.

        log_scale = floor + softplus(raw - floor) = log(exp(raw) + exp(floor))

    About raw when above the floor, about the floor when below it. The derivative sigmoid(raw -
    floor) is positive everywhere (in float32, down to about 87 below the floor), so that a scale
    can come back from there.

    Args:
      raw: any shape, any finite value.
      floor: the bound; None for no floor.

    Returns:
      Of the shape of raw, at least float32.

    Raises:
      ValueError: a floor that is not finite.

    Reference: Rybkin, Daniilidis & Levine 2021, arXiv 2006.13202 (sigma-VAE), whose code bounds
    log sigma so, at -6.
    """
    _check_finite("floor", floor)
    raw = raw.astype(jnp.promote_types(raw.dtype, jnp.float32))  # bf16 steps are 0.03 near -6
    return raw if floor is None else floor + jax.nn.softplus(raw - floor)


def soft_ceiling(raw: Array, ceiling: float | None) -> Array:
    """log_scale, never over `ceiling`, and raw itself up to one below it.

        log_scale = ceiling - 1 / (1 + u),   u = raw - (ceiling - 1),   where u > 0

    The derivative 1 / (1 + u)^2 falls so slowly that a scale can come back from there.

    Args:
      raw: any shape, any finite value.
      ceiling: the bound; None for no ceiling.

    Raises:
      ValueError: a ceiling that is not finite.
    """
    _check_finite("ceiling", ceiling)
    if ceiling is None:
        return raw
    over = jnp.maximum(raw - (ceiling - 1), 0.0)
    return jnp.minimum(raw, ceiling - 1) + (1 - 1 / (1 + over))


def _check_finite(name: str, bound: float | None) -> None:
    if isinstance(bound, int | float) and not math.isfinite(bound):
        raise ValueError(f"The {name} of a scale must be finite, or None for none; got {bound}.")


def _check_order(floor: float | None, ceiling: float | None) -> None:
    if floor is not None and ceiling is not None and floor >= ceiling - 1:
        raise ValueError(
            f"The floor of a scale must be more than 1 below its ceiling; got {floor} and"
            f" {ceiling}: set another, or one of them to None."
        )


class FixedScale(nn.Module):
    """A constant.

    Args:
      log_scale: log of the standard deviation of every dimension.
    """

    log_scale: float = 0.0

    def __call__(self, features: Array, event_shape: tuple[int, ...]) -> Array:
        """log_scale, [*event_shape]."""
        del features
        return jnp.full(event_shape, self.log_scale, jnp.float32)


class DataScale(nn.Module):
    """A constant that is read from data where parameters are made, and kept with them.

    It is the parameter "log_scale", whose gradient is zero: no optimizer moves it.

    Args:
      log_scale: (key, shape, dtype) -> [], the log of the standard deviation of every dimension.
    """

    log_scale: Initializer

    @nn.compact
    def __call__(self, features: Array, event_shape: tuple[int, ...]) -> Array:
        """log_scale, [*event_shape]."""
        del features
        kept = self.param("log_scale", where_made(self, self.log_scale), (), jnp.float32)
        return jnp.broadcast_to(jax.lax.stop_gradient(kept), event_shape)


class LearnedScale(nn.Module):
    """One parameter for all examples: of all dimensions, or of each.

        log_scale = soft_floor(speed * parameter, floor)

    Adam moves each parameter by at most about the learning rate in a step, whatever its gradient: a
    log-scale that has 2 to go would take 2,000 steps at a rate of 0.001, and hold the rest of the
    model up. `speed` is how much faster it goes than the weights; by gradient descent, whose steps
    are not of one size, it is speed^2.

    Args:
      floor: soft lower bound; None for none.
      initial: where log_scale begins, but for the floor: a number, or (key, shape, dtype) -> array.
      per_dimension: a parameter for each dimension of the event, [*event_shape].
      speed: how far log_scale moves for each unit of its parameter, "log_scale".

    Reference: Rybkin, Daniilidis & Levine 2021, arXiv 2006.13202.
    """

    floor: float | None = FLOOR
    initial: float | Initializer = 0.0
    per_dimension: bool = False
    speed: float = SPEED

    @nn.compact
    def __call__(self, features: Array, event_shape: tuple[int, ...]) -> Array:
        """log_scale, [*event_shape]."""
        del features
        shape = event_shape if self.per_dimension else ()
        raw = self.speed * self.param("log_scale", self._first, shape)
        return jnp.broadcast_to(soft_floor(raw, self.floor), event_shape)

    def _first(self, key: Key, shape: tuple[int, ...]) -> Array:
        return where_made(self, _initializer(self.initial))(key, shape, jnp.float32) / self.speed


class PredictedScale(nn.Module):
    """One scale per dimension, a dense layer of the features.

    Args:
      floor: soft lower bound; None for none, as in the encoder of Burda et al. 2016. (Without one a
        scale may fall below the spacing of floats: see `Gaussian`.)
      ceiling: soft upper bound; None for none. From one below it on the scale bends, so it is to
        be more than one above the floor.
      initial: about where log_scale begins, the bias of the layer: a number, or
        (key, shape, dtype) -> array.
      dtype: of the arithmetic.
    """

    floor: float | None = FLOOR
    ceiling: float | None = CEILING
    initial: float | Initializer = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array, event_shape: tuple[int, ...]) -> Array:
        """log_scale, [*event_shape]."""
        _check_order(self.floor, self.ceiling)
        first = where_made(self, _initializer(self.initial))
        layer = {"bias_init": first, "dtype": self.dtype}
        raw = project(features, event_shape, name="log_scale", **layer)
        return soft_ceiling(soft_floor(raw, self.floor), self.ceiling)


def _initializer(initial: float | Initializer) -> Initializer:
    return initial if callable(initial) else nn.initializers.constant(initial)
