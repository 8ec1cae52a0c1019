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

    Args:
      loc: mean, the event's shape.
      log_scale: the event's shape, or [] for one scale shared by all dimensions.
    """

    loc: Array
    log_scale: Array

    reparameterized = True
    support = "takes every finite value"

    def _sample(self, key: Key) -> Array:
        self._check_scale()
        noise = jax.random.normal(key, self.loc.shape, self.loc.dtype)
        return self.loc + jnp.exp(self.log_scale) * noise

    def _log_prob(self, value: Array) -> Array:
        check_shape("Gaussian", value, self.loc.shape)
        self._check_scale()
        log_scale = jnp.ravel(jnp.broadcast_to(self.log_scale, self.loc.shape))
        # as vectors: a last axis of one channel would not be vectorised
        standardized = jnp.ravel(value - self.loc) * jnp.exp(-log_scale)
        return jnp.sum(-0.5 * standardized**2 - log_scale - 0.5 * _LOG_2PI)

    def mean(self) -> Array:
        """loc."""
        return self._promoted().loc

    def _check_scale(self) -> None:
        if jnp.shape(self.log_scale) not in ((), self.loc.shape):
            raise ValueError(
                f"Gaussian: log_scale has shape {jnp.shape(self.log_scale)}, which is neither []"
                f" nor the shape of loc, {self.loc.shape}."
            )


def standard_gaussian(*shape: int) -> Gaussian:
    """N(0, I) over events of `shape`; `standard_gaussian(16)` is the usual prior on 16 latents."""
    return Gaussian(jnp.zeros(shape), jnp.zeros(shape))
