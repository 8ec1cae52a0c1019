"""All mass at one point."""

from typing import Self

import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, at_least_float32, check_shape
from vae_jax.types import Array, Key


class Delta(Distribution):
    """All mass at `value`: the posterior of a plain autoencoder.

        log p(x) = 0 if x = value, else -inf

    A mass, not a density with respect to volume: with a Delta posterior and a prior that has a
    density, `sampled_elbo`, `iwae` and `log_likelihood` are the log joint log p(x, z) at z = value
    (the objective of maximum a posteriori), which is no bound on log p(x) and no estimate of it;
    and `kl`, infinite there, is not offered. It is the one posterior whose base measure ("point")
    may be another than the prior's.

    Args:
      value: the point, the event's shape.
    """

    value: Array

    reparameterized = True
    independent = True
    base_measure = "point"

    def _promoted(self) -> Self:
        return self.replace(value=at_least_float32(self.value))  # an integer event stays one

    def _sample(self, key: Key) -> Array:
        del key
        return self.value

    def _log_prob(self, value: Array) -> Array:
        check_shape("Delta", value, self.value.shape)
        return jnp.where(jnp.all(value == self.value), 0.0, -jnp.inf)

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        return self._sample(key), jnp.zeros(())

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("Delta", value, self.value.shape)
        return jnp.where(value == self.value, 0.0, -jnp.inf)

    def mean(self) -> Array:
        """The point."""
        return self._promoted().value

    def in_support(self, value: Array) -> Array:
        """The point alone."""
        return jnp.all(value == self._promoted().value)
