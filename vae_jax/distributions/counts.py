"""Counts: 0, 1, 2, ... without an upper end."""

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class Poisson(Distribution):
    """Independent counts of the means exp(log_rate_d).

        log p(x) = sum_d  x_d log_rate_d - exp(log_rate_d) - log x_d!

    The event is an array of whole numbers, of an integer or a floating type. A value that is no
    count has log-probability -inf.

    Args:
      log_rate: the log of the mean (not the rate of a bound), the event's shape.
    """

    log_rate: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes counts: whole numbers of at least 0"

    def _sample(self, key: Key) -> Array:
        return jax.random.poisson(key, jnp.exp(self.log_rate))

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("Poisson", value, self.log_rate.shape)
        x = jnp.asarray(value).astype(self.log_rate.dtype)
        x = jnp.where(x >= 0, x, 0.0)  # the logarithm below has a pole at -1
        possible = jnp.isfinite(jnp.exp(self.log_rate))  # of infinitely many each has mass 0
        log_rate = jnp.where(possible, self.log_rate, 0.0)  # and no derivative: 0 inf = NaN
        finite = jnp.where(x > 0, log_rate, 0.0)  # of no counts none is expected: 0 log 0 = 0
        log_p = x * finite - jnp.exp(log_rate) - jax.lax.lgamma(x + 1)
        return jnp.where(_is_count(jnp.asarray(value)) & possible, log_p, -jnp.inf)

    def mean(self) -> Array:
        """exp(log_rate)."""
        return jnp.exp(self._promoted().log_rate)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number of at least 0."""
        return jnp.all(_is_count(jnp.asarray(value)))


def _is_count(value: Array) -> Array:
    return jnp.isfinite(value) & (value >= 0) & (value == jnp.floor(value))
