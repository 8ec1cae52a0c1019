"""Vectors replaced by the nearest of a table of codes."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class Quantised(Distribution):
    """All mass at the nearest codes: the posterior of a VQ-VAE.

        z_n = codes[argmin_k |features_n - codes_k|^2],   log q(z) = 0

    A mass on the K^N rows of codes, so that the bound against `UniformCodes` is one, with a rate of
    N log K. A draw passes its derivative to the features as if it were they (straight-through),
    which is no derivative of the bound, but the one that is descended.

    Args:
      features: N vectors, [..., D].
      codes: the table, [K, D].

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, eq. 1 and 2.
    """

    features: Array
    codes: Array

    reparameterized = True
    base_measure = "counts"

    def index(self) -> Array:
        """Which code each vector is nearest to, [...] int."""
        features, codes = self._promoted().features, self._promoted().codes
        _check_codes(features.shape, codes.shape)
        # |f - e|^2 less |f|^2, which is the same for all codes
        products = jnp.tensordot(features, codes, [[-1], [-1]])
        norms = jnp.sum(codes**2, axis=1)
        distance = jnp.expand_dims(norms, range(features.ndim - 1)) - 2 * products
        return jnp.argmin(distance, axis=-1)

    def mean(self) -> Array:
        """The codes."""
        return self._promoted().codes[self.index()]

    def in_support(self, value: Array) -> Array:
        """The codes alone."""
        return jnp.all(value == self.mean())

    def _sample(self, key: Key) -> Array:
        del key
        straight_through = self.features - jax.lax.stop_gradient(self.features)  # 0, exactly
        return jax.lax.stop_gradient(self.mean()) + straight_through

    def _log_prob(self, value: Array) -> Array:
        check_shape("Quantised", value, self.features.shape)
        return jnp.where(self.in_support(value), 0.0, -jnp.inf)

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        return self._sample(key), jnp.zeros((), self.features.dtype)


class UniformCodes(Distribution):
    """N vectors, each any of the K codes with probability 1/K: the prior of a VQ-VAE.

        log p(z) = -N log K, where every z_n is a code

    Args:
      codes: the table, [K, D].
      shape: of the event, [..., D].
    """

    codes: Array
    shape: tuple[int, ...] = flax.struct.field(pytree_node=False)

    reparameterized = False
    base_measure = "counts"

    def in_support(self, value: Array) -> Array:
        """Every vector a code."""
        vectors = value.reshape(-1, 1, self.codes.shape[1])
        is_code = jnp.all(vectors == self.codes[None], axis=-1)  # [N, K]
        return jnp.all(jnp.any(is_code, axis=-1))

    def rate(self) -> float:
        """N log K, nats: what any choice of codes costs."""
        return math.prod(self.shape[:-1]) * math.log(len(self.codes))

    def _sample(self, key: Key) -> Array:
        _check_codes(self.shape, self.codes.shape)
        return self.codes[jax.random.randint(key, self.shape[:-1], 0, len(self.codes))]

    def _log_prob(self, value: Array) -> Array:
        check_shape("UniformCodes", value, self.shape)
        return jnp.where(self.in_support(value), -self.rate(), -jnp.inf)


def _check_codes(event: tuple[int, ...], codes: tuple[int, ...]) -> None:
    if len(codes) != 2 or event[-1:] != codes[1:]:
        raise ValueError(
            f"Codes [K, D] are for vectors [..., D]; got codes of shape {codes} and an event of"
            f" shape {event}."
        )
