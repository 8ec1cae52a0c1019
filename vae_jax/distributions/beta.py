"""Beta: densities on (0, 1)."""

import math
from typing import Self

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.stirling import deviance, rest
from vae_jax.types import Array, Key

_LOG_2PI = math.log(2 * math.pi)


class Beta(Distribution):
    """Independent values in (0, 1).

        log p(x) = sum_d  (alpha_d - 1) log x_d + (beta_d - 1) log(1 - x_d) - log B(alpha_d, beta_d)
        mean = alpha / (alpha + beta),   variance = mean (1 - mean) / (alpha + beta + 1)

    At exactly 0 and 1 the density is 0 or infinite: such values are refused. Grey levels that are
    dequantised (`vae_jax.data.dequantise`) are inside. A draw is rounded to a number inside too,
    and carries no derivative.

    Args:
      log_alpha, log_beta: the event's shape. `Beta.of_mean` takes a mean and a concentration.
    """

    log_alpha: Array
    log_beta: Array

    reparameterized = False
    independent = True
    support = (
        "takes values in (0, 1), without the ends, where its density is 0 or infinite. For integers"
        " use vae_jax.data.dequantise; of floats move the ends inside, (x (N - 1) + 1/2) / N for N"
        " examples; or use the continuous Bernoulli, which has them"
    )

    @classmethod
    def of_mean(cls, logits: Array, log_concentration: Array) -> Self:
        """Of the mean sigmoid(logits), alpha + beta = exp(log_concentration)."""
        log_mean, log_rest = jax.nn.log_sigmoid(logits), jax.nn.log_sigmoid(-logits)
        return cls(log_concentration + log_mean, log_concentration + log_rest)

    def _sample(self, key: Key) -> Array:
        alpha, beta = (jax.lax.stop_gradient(jnp.exp(p)) for p in (self.log_alpha, self.log_beta))
        info = jnp.finfo(alpha.dtype)
        return jnp.clip(jax.random.beta(key, alpha, beta), info.tiny, 1 - info.epsneg)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        if jnp.shape(self.log_alpha) != jnp.shape(self.log_beta):
            raise ValueError(
                f"Beta: log_alpha has shape {jnp.shape(self.log_alpha)} and log_beta"
                f" {jnp.shape(self.log_beta)}; both must be the event's."
            )
        check_shape("Beta", value, self.log_alpha.shape)
        total = jnp.exp(self.log_alpha) + jnp.exp(self.log_beta)
        inside = (value > 0) & (value < 1)
        x = jnp.where(inside, jnp.asarray(value).astype(total.dtype), 0.5)
        possible = jnp.isfinite(total)  # of infinitely sharp ones each value has density 0
        log_alpha, log_beta = (jnp.where(possible, p, 0.0) for p in (self.log_alpha, self.log_beta))
        return jnp.where(inside & possible, _log_density(log_alpha, log_beta, x), -jnp.inf)

    def mean(self) -> Array:
        """alpha / (alpha + beta)."""
        own = self._promoted()
        return jax.nn.sigmoid(own.log_alpha - own.log_beta)

    def in_support(self, value: Array) -> Array:
        """Every value in (0, 1), without the ends."""
        return jnp.all((value > 0) & (value < 1))


def _log_density(log_alpha: Array, log_beta: Array, x: Array) -> Array:
    # -n KL(mean || x) and small terms: lgamma alone, of 10^6, would be wrong by ones
    log_n = jnp.logaddexp(log_alpha, log_beta)
    alpha, beta = jnp.exp(log_alpha), jnp.exp(log_beta)
    log_x, log_y = jnp.log(x), jnp.log1p(-x)
    apart = alpha * (1 - x) - beta * x  # alpha - n x
    cost = deviance(alpha, -apart, log_n + log_x - log_alpha)
    cost += deviance(beta, apart, log_n + log_y - log_beta)
    rests = rest(alpha + beta, log_n) - rest(alpha, log_alpha) - rest(beta, log_beta)
    return 0.5 * (log_alpha + log_beta - log_n - _LOG_2PI) + rests - cost - log_x - log_y
