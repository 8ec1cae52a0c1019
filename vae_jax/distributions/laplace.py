"""Independent Laplace variables."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.gaussian import check_scale, inverse_root, log_scales, standardized
from vae_jax.types import Array, Key

_LOG_2 = math.log(2)


class Laplace(Distribution):
    """Two exponentials, back to back: what the mean absolute error is the likelihood of.

        log p(x) = sum_d  -|x_d - loc_d| / b_d - log b_d - log 2,   b = exp(log_scale)

    b is the mean distance from loc; the standard deviation is sqrt(2) b. At x = loc, where the
    density has a corner, the derivative is taken to be 0.

    Args:
      loc: median and mean, the event's shape.
      log_scale: log b, the event's shape, or [] for one shared by all dimensions.
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
        noise = self._noise(key)  # scored itself, as a Gaussian's
        value = self.loc + jnp.exp(self.log_scale) * noise
        return value, jnp.sum(-jnp.abs(jnp.ravel(noise)) - self._log_scales() - _LOG_2)

    def _log_prob_factors(self, value: Array) -> Array:
        return self._factors(value).reshape(self.loc.shape)

    def mean(self) -> Array:
        """loc."""
        return self._promoted().loc

    def _factors(self, value: Array) -> Array:  # as a vector, which is faster
        check_shape("Laplace", value, self.loc.shape)
        return _log_density(jnp.ravel(value - self.loc), self._log_scales())

    def _noise(self, key: Key) -> Array:
        self._check_scale()
        return jax.random.laplace(key, self.loc.shape, self.loc.dtype)

    def _log_scales(self) -> Array:
        self._check_scale()
        return log_scales(self.log_scale, self.loc.shape)

    def _check_scale(self) -> None:
        check_scale("Laplace", self.log_scale, self.loc.shape)


@jax.custom_jvp
def _log_density(distance: Array, log_scale: Array) -> Array:
    return -jnp.abs(standardized(distance, log_scale)) - log_scale - _LOG_2


@_log_density.defjvp
def _log_density_jvp(at: tuple[Array, Array], moved: tuple[Array, Array]) -> tuple[Array, Array]:
    # By hand: where the density is 0 its derivative is infinite, and has no part in anything; nor
    # has it at loc.
    log_p = _log_density(*at)
    s = jnp.where(log_p == -jnp.inf, 0.0, standardized(*at))
    root = jnp.where(s == 0, 0.0, inverse_root(at[1]))
    d_distance, d_log_scale = moved
    return log_p, -jnp.sign(s) * (d_distance * root * root) + (jnp.abs(s) - 1) * d_log_scale
