"""Diagonal Gaussian."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key

_LOG_2PI = math.log(2 * math.pi)


class Gaussian(Distribution):
    """N(loc, diag(exp(log_scale))^2).

        log p(x) = sum_d  -1/2 ((x_d - loc_d) / s_d)^2 - log s_d - 1/2 log 2 pi
        s = exp(log_scale)

    `log_scale` is the log of a standard deviation. From a variance: `log_scale = 0.5 * log(var)`;
    from a log-variance: `log_scale = 0.5 * log_var`.

    Where s_d is below the spacing of floats at loc_d (1e-7 of it in float32), a draw is rounded to
    it, and `log_prob` of that value is too low, by (spacing / s_d)^2 / 24 nats in the mean:
    `sample_and_log_prob` scores the noise, which is not.

    Args:
      loc: mean, the event's shape.
      log_scale: the event's shape, or [] for one scale shared by all dimensions.
    """

    loc: Array
    log_scale: Array

    reparameterized = True
    independent = True
    support = "takes every finite value"

    def _sample(self, key: Key) -> Array:
        return self.loc + jnp.exp(self.log_scale) * self._noise(key)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._factors(value))

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        noise = self._noise(key)  # scored itself: rounded into a large loc it would lose digits
        value = self.loc + jnp.exp(self.log_scale) * noise
        log_scale = self._log_scales()
        return value, jnp.sum(-0.5 * jnp.ravel(noise) ** 2 - log_scale - 0.5 * _LOG_2PI)

    def _log_prob_factors(self, value: Array) -> Array:
        return self._factors(value).reshape(self.loc.shape)

    def mean(self) -> Array:
        """loc."""
        return self._promoted().loc

    def _factors(self, value: Array) -> Array:  # as a vector, see _log_scales
        check_shape("Gaussian", value, self.loc.shape)
        return _log_density(jnp.ravel(value - self.loc), self._log_scales())

    def _noise(self, key: Key) -> Array:
        self._check_scale()
        return jax.random.normal(key, self.loc.shape, self.loc.dtype)

    def _log_scales(self) -> Array:
        self._check_scale()
        return log_scales(self.log_scale, self.loc.shape)

    def _check_scale(self) -> None:
        check_scale("Gaussian", self.log_scale, self.loc.shape)


def log_scales(log_scale: Array, shape: tuple[int, ...]) -> Array:
    """One for each dimension, a vector: a last axis of one channel would not be vectorised."""
    return jnp.ravel(jnp.broadcast_to(log_scale, shape))


def check_scale(name: str, log_scale: Array, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless there is one log-scale for all dimensions, or one for each."""
    if jnp.shape(log_scale) not in ((), shape):
        raise ValueError(
            f"{name}: log_scale has shape {jnp.shape(log_scale)}, which is neither [] nor the shape"
            f" of loc, {shape}."
        )


def standardized(distance: Array, log_scale: Array) -> Array:
    """distance / exp(log_scale), at every finite log_scale; 0 for 0.

    In two steps, because exp(-log_scale) is infinite from -89 on, and 0 times it NaN.
    """
    root = inverse_root(log_scale)
    return distance * root * root


@jax.custom_jvp
def _log_density(distance: Array, log_scale: Array) -> Array:
    return -0.5 * standardized(distance, log_scale) ** 2 - log_scale - 0.5 * _LOG_2PI


@_log_density.defjvp
def _log_density_jvp(at: tuple[Array, Array], moved: tuple[Array, Array]) -> tuple[Array, Array]:
    # By hand: where the density is 0 its derivative is infinite, and has no part in anything.
    log_p, root = _log_density(*at), inverse_root(at[1])
    s = jnp.where(log_p == -jnp.inf, 0.0, standardized(*at))
    d_distance, d_log_scale = moved
    return log_p, -s * (d_distance * root * root) + (s**2 - 1) * d_log_scale


def inverse_root(log_scale: Array) -> Array:
    """exp(-log_scale / 2), finite: what is cut off divides all but 0 to an infinity of squares."""
    return jnp.exp(jnp.minimum(-log_scale / 2, 0.99 * math.log(jnp.finfo(log_scale.dtype).max)))


def standard_gaussian(*shape: int) -> Gaussian:
    """N(0, I) over events of `shape`; `standard_gaussian(16)` is the usual prior on 16 latents."""
    return Gaussian(jnp.zeros(shape), jnp.zeros(shape))
