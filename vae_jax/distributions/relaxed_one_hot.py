"""Classes, relaxed to points of a simplex."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.one_hot import temperature
from vae_jax.types import Array, Key

_ROUNDING = 1e-3  # of a logarithm near -87, by the exponential and back


class RelaxedOneHot(Distribution):
    """N points of the simplex of K corners, near the corners: Gumbel-softmax, or concrete.

        z_n = softmax((logits_n + G_n) / t),   G a standard Gumbel,  t = exp(log_temperature)
        log p(z) = sum_n  log (K-1)! + (K-1) log t + sum_k a_nk - K log sum_k exp(a_nk)
        a_nk = logits_nk - t log z_nk

    The density is that of log z, against the measure dz_1 ... dz_{K-1} / (z_1 ... z_K), which is
    symmetric in the classes: at the corners, where a density of z is infinite, it is not. What is
    below the least number of float32 is that number, and is scored by the probability of all that
    is below: of a row of which m are above it, the Gumbels of the others integrated out,

        log (m-1)! + (m-1) log t + sum_{k above} a_nk - m log sum_k exp(a_nk)

    As t falls the draws come to be those of a `OneHot`, and the gradient's variance grows.

    The bound against another `RelaxedOneHot` is one of the relaxed model. For that of the model
    with classes, which is what is reported, see `models.hard`.

    Args:
      logits: unnormalised log-probabilities, [..., K], finite.
      log_temperature: [].

    Reference: Maddison, Mnih, Teh 2016, arXiv 1611.00712, appendix C; Jang, Gu, Poole 2016,
    arXiv 1611.01144.
    """

    logits: Array
    log_temperature: Array

    reparameterized = True
    independent = True
    base_measure = "logarithms of a simplex"
    support = "takes rows of positive numbers whose sum is 1, of the shape of its logits"

    def _sample(self, key: Key) -> Array:
        return jnp.exp(self._log_draw(key))

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        log_z = self._log_draw(key)  # scored itself: of a number near 1 the log has more digits
        return jnp.exp(log_z), jnp.sum(self._factors(log_z))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("RelaxedOneHot", value, self.logits.shape)
        inside = _in_simplex(value)
        value = jnp.where(jnp.expand_dims(inside, -1), value, 1 / value.shape[-1])
        least = jnp.finfo(self.logits.dtype).tiny
        log_z = jnp.log(jnp.maximum(value, least).astype(self.logits.dtype))
        return jnp.where(inside, self._factors(log_z), -jnp.inf)

    def in_support(self, value: Array) -> Array:
        """Every row positive, with a sum of 1, to the rounding of float32."""
        return jnp.all(_in_simplex(value))

    def _log_draw(self, key: Key) -> Array:
        noise = jax.random.gumbel(key, self.logits.shape, self.logits.dtype)
        log_z = jax.nn.log_softmax((self.logits + noise) / temperature(self.log_temperature))
        return jnp.maximum(log_z, math.log(jnp.finfo(log_z.dtype).tiny))

    def _factors(self, log_z: Array) -> Array:
        t = temperature(self.log_temperature)
        a = self.logits - t * log_z
        above = log_z > math.log(jnp.finfo(log_z.dtype).tiny) + _ROUNDING
        m = jnp.sum(above, axis=-1).astype(log_z.dtype)
        total = jax.nn.logsumexp(a, axis=-1)
        constant = jax.lax.lgamma(m) + (m - 1) * jnp.log(t)
        return constant + jnp.sum(jnp.where(above, a, 0.0), axis=-1) - m * total


def _in_simplex(value: Array) -> Array:
    value = jnp.asarray(value)
    one = jnp.abs(jnp.sum(value, axis=-1) - 1) < 1e-4
    return jnp.all(value >= 0, axis=-1) & one
