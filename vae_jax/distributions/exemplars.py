"""Mixtures of Gaussians around examples."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution
from vae_jax.distributions.gaussian import Gaussian
from vae_jax.log_sums import log_sum_exp
from vae_jax.types import Array, Key


class Exemplars(Distribution):
    """C Gaussians of one scale, each around a point of its own, all of one weight.

        p(z) = 1/C sum_k N(z; m_k, sigma^2 I)

    With `nearest` the sum has the terms of the m_k nearest to z alone. It is less than p(z), so
    `log_prob` bounds log p(z) from below, and an evidence lower bound stays one; a derivative
    reaches these few. Draws are of all C.

    Args:
      means: m, [C, ...].
      log_scale: log sigma, [].
      nearest: how many terms, 1 .. C; None for all.

    Reference: Norouzi, Fleet, Norouzi 2020, arXiv 2004.04795 (the Exemplar VAE).
    """

    means: Array
    log_scale: Array
    nearest: int | None = flax.struct.field(pytree_node=False, default=None)

    reparameterized = False
    support = "takes every finite value"

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _log_prob(self, value: Array) -> Array:
        return self._sum(self._terms(value))

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        pick_key, draw_key = jax.random.split(key)
        index = jax.random.randint(pick_key, (), 0, len(self.means))
        component = Gaussian(self.means[index], self.log_scale)
        value, own = component.sample_and_log_prob(draw_key)  # better known than by the value
        terms = self._terms(value)
        return value, self._sum(jnp.where(jnp.arange(len(terms)) == index, own, terms))

    def mean(self) -> Array:
        """The mean of the points."""
        return self._promoted().means.mean(axis=0)

    def _terms(self, value: Array) -> Array:  # [C]
        return jax.vmap(lambda m: Gaussian(m, self.log_scale).log_prob(value))(self.means)

    def _sum(self, terms: Array) -> Array:
        C = len(self.means)
        number = C if self.nearest is None else self.nearest
        if not 1 <= number <= C:
            raise ValueError(f"Exemplars has {C} means, and nearest={number}: 1 .. {C} of them.")
        largest = terms if number == C else jax.lax.top_k(terms, number)[0]
        return log_sum_exp(largest) - math.log(C)
