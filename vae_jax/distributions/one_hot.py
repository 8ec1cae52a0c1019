"""Independent classes as vectors of zeros and a one."""

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class OneHot(Distribution):
    """N variables with K classes each, every value a row of zeros and a single 1.

        p(z_n = e_k) = softmax(logits_n)_k,   log p(z) = sum_n z_n . log_softmax(logits_n)

    A `Categorical` for latents: a decoder is given [..., K] numbers, and the same decoder takes
    what a `RelaxedOneHot` draws. A draw carries no derivative: descend
    `objectives.score_function(model, rloo, ...)`, `objectives.enumerated(model)` where the states
    are few, or `models.relaxed(model, temperature)`.

    Args:
      logits: unnormalised log-probabilities, [..., K]; -inf for a class that is impossible.
    """

    logits: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes rows of zeros and a single 1, of the shape of its logits"

    def _sample(self, key: Key) -> Array:
        return _chosen(self.logits + jax.random.gumbel(key, self.logits.shape, self.logits.dtype))

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        return log_mass("OneHot", self.logits, value)

    def mean(self) -> Array:
        """The probabilities."""
        return jax.nn.softmax(self._promoted().logits)

    def in_support(self, value: Array) -> Array:
        """Every row zeros and a single 1."""
        return jnp.all(_is_one_hot(value))


class StraightThroughOneHot(Distribution):
    """A `OneHot` whose draws pass on the derivative of a `RelaxedOneHot`.

        z_n = e_k,   k = argmax_k (logits_nk + G_nk),   G a standard Gumbel variable
        dz_n = d softmax((logits_n + G_n) / temperature)

    The values, and so the bounds, are those of a `OneHot`. The derivative is not that of their
    means: it has a bias, that falls with the temperature as its variance rises.

    Args:
      logits: as of a `OneHot`.
      log_temperature: [].

    Reference: Jang, Gu, Poole 2016, arXiv 1611.01144, section 2.2.
    """

    logits: Array
    log_temperature: Array

    reparameterized = True
    independent = True
    base_measure = "counts"
    support = "takes rows of zeros and a single 1, of the shape of its logits"

    def _sample(self, key: Key) -> Array:
        noisy = self.logits + jax.random.gumbel(key, self.logits.shape, self.logits.dtype)
        soft = jax.nn.softmax(noisy / temperature(self.log_temperature))
        return _chosen(noisy) + (soft - jax.lax.stop_gradient(soft))  # 0, exactly

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        return log_mass("StraightThroughOneHot", self.logits, value)

    def mean(self) -> Array:
        """The probabilities."""
        return jax.nn.softmax(self._promoted().logits)

    def in_support(self, value: Array) -> Array:
        """Every row zeros and a single 1."""
        return jnp.all(_is_one_hot(value))


def uniform_one_hot(*shape: int) -> OneHot:
    """All classes alike: `uniform_one_hot(20, 10)` is the usual prior on 20 variables of 10."""
    return OneHot(jnp.zeros(shape))


def temperature(log_temperature: Array) -> Array:
    """exp(log_temperature), cut off at e^-40 and e^40."""
    return jnp.exp(jnp.clip(log_temperature, -40.0, 40.0))


def log_mass(name: str, logits: Array, value: Array) -> Array:
    """The log-mass of each row of `value`, linear in it; -inf for what is no row of a single 1."""
    check_shape(name, value, logits.shape)
    log_p = jax.nn.log_softmax(logits)
    never = log_p == -jnp.inf
    possible = _is_one_hot(value) & ~jnp.any((value > 0) & never, axis=-1)
    return jnp.where(possible, jnp.sum(value * jnp.where(never, 0.0, log_p), axis=-1), -jnp.inf)


def _chosen(noisy: Array) -> Array:
    return jax.nn.one_hot(jnp.argmax(noisy, axis=-1), noisy.shape[-1], dtype=noisy.dtype)


def _is_one_hot(value: Array) -> Array:
    value = jnp.asarray(value)
    return jnp.all((value == 0) | (value == 1), axis=-1) & (jnp.sum(value == 1, axis=-1) == 1)
