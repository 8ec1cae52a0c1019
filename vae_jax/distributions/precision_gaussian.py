"""Gaussian about 0, by its precision."""

import math

import jax
import jax.numpy as jnp

from vae_jax import triangular
from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class PrecisionGaussian(Distribution):
    """N(0, (A A')^-1), A lower triangular with a positive diagonal.

        x = A'^-1 e,   e ~ N(0, I),   log p(x) = -1/2 |A' x|^2 + sum_d log A_dd - D/2 log 2 pi

    Args:
      factor: A, [D, D]: the Cholesky factor of the precision.
    """

    factor: Array

    reparameterized = True
    support = "takes every finite value"

    def mean(self) -> Array:
        """0."""
        return jnp.zeros(self.factor.shape[:1])

    def log_volume(self) -> Array:
        """log det A, half the log of the determinant of the precision."""
        return jnp.sum(jnp.log(jnp.diagonal(self.factor)))

    def made_of(self, noise: Array) -> Array:
        """The value of standard normal noise [D]."""
        return triangular.solve(self.factor, noise, transposed=True)

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        noise = jax.random.normal(key, self.factor.shape[:1], self.factor.dtype)
        return self.made_of(noise), self._log_density(noise)

    def _log_prob(self, value: Array) -> Array:
        check_shape("PrecisionGaussian", value, self.factor.shape[:1])
        return self._log_density(jnp.dot(value, self.factor, precision="highest"))

    def _log_density(self, noise: Array) -> Array:
        constant = 0.5 * noise.size * math.log(2 * math.pi)
        return -0.5 * jnp.sum(noise**2) + self.log_volume() - constant
