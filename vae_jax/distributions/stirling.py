"""Logarithms of Gamma functions, the large part of which is left out.

    log Gamma(z) = (z - 1/2) log z - z + 1/2 log 2 pi + rest(z),   rest(z) = 1 / (12 z) - ...

At z = 10^6 log Gamma(z) is 10^7, of which float32 keeps the ones: what a density is made of are
differences of these. Their large parts cancel on paper, into deviances; the rests are small.

Reference: Loader 2000, Fast and accurate computation of binomial probabilities.
"""

import math

import jax
import jax.numpy as jnp

from vae_jax.types import Array

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_LARGE = 8.0  # where the series is as good as float64
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_NEAR, _TERMS = 0.1, 14


def rest(z: Array, log_z: Array) -> Array:
    """log Gamma(z) - ((z - 1/2) log z - z + 1/2 log 2 pi), z >= 0; of z = 0, by log_z."""
    is_large = z >= _LARGE
    inverse = 1 / jnp.where(is_large, z, _LARGE)
    series = inverse * jnp.polyval(jnp.array(_SERIES[::-1], z.dtype), inverse**2)
    small = jnp.where(is_large, 1.0, z)
    log_small = jnp.where(is_large, 0.0, log_z)
    exact = jax.lax.lgamma(1 + small) - (small + 0.5) * log_small + small - _HALF_LOG_2PI
    return jnp.where(is_large, series, exact)


def deviance(a: Array, difference: Array, log_ratio: Array) -> Array:
    """a log(a / m) + m - a >= 0: what a count (or a parameter) a costs where m is expected.

    Args:
      a: at least 0.
      difference: m - a, which is known better than m.
      log_ratio: log(m / a), which is asked where m is far from a.
    """
    near = jnp.abs(difference) < _NEAR * a
    t = jnp.where(near, difference, 0.0) / jnp.where(near, a, 1.0)
    # (t - log(1 + t)) / t^2
    terms = [(-1.0) ** k / (k + 2) for k in range(_TERMS)]
    series = a * t**2 * jnp.polyval(jnp.array(terms[::-1], a.dtype), t)
    middle = (difference > -0.5 * a) & (difference < 10 * a)
    t = jnp.where(middle, difference, 0.0) / jnp.where(middle, a, 1.0)
    log_ratio = jnp.where(middle, jnp.log1p(t), log_ratio)
    return jnp.where(near, series, difference - a * log_ratio)
