"""Vectors replaced by the nearest of a set of codes."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.codes import Codes
from vae_jax.types import Array, Key


class Quantised(Distribution):
    """All mass at the nearest codes: the posterior of a VQ-VAE and its kin.

        z_n = codes[argmin_k |features_n - codes_k|^2],   log q(z) = 0

    A mass on the finitely many events, so that the bound against `UniformCodes` is one, with a rate
    of N log K. A draw passes its derivative to the features as if it were they (straight-through),
    which is no derivative of the bound, but the one that is descended.

    Args:
      features: N vectors, [*positions, D].
      codes: `CodeTable`, `ResidualCodes` or `Lattice`.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, eq. 1 and 2.
    """

    features: Array
    codes: Codes

    reparameterized = True
    base_measure = "counts"

    def index(self) -> Array:
        """Which code each vector is nearest to, [*positions, P] int."""
        own = self._promoted()
        return own.codes.nearest(own.features)

    def mean(self) -> Array:
        """The codes."""
        own = self._promoted()
        return own.codes.vectors(own.index())

    def in_support(self, value: Array) -> Array:
        """The codes alone."""
        own = self._promoted()
        return jnp.all(own.codes.find(value) == own.index())

    def _sample(self, key: Key) -> Array:
        del key
        return self.codes.straight_through(self.features, self.mean())

    def _log_prob(self, value: Array) -> Array:
        check_shape("Quantised", value, jax.eval_shape(self.mean).shape)
        return jnp.where(self.in_support(value), 0.0, -jnp.inf)

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        return self._sample(key), jnp.zeros((), self.features.dtype)


class UniformCodes(Distribution):
    """N vectors, each any of the K codes with probability 1/K: the prior of a VQ-VAE.

        log p(z) = -N P log K, where all of the N P parts are codes

    Of residual codes P is how many of the stages are in use, and the others are zeros: an event of
    another depth has no probability.

    Args:
      codes: `CodeTable`, `ResidualCodes` or `Lattice`.
      shape: of the event.
    """

    codes: Codes
    shape: tuple[int, ...] = flax.struct.field(pytree_node=False)

    reparameterized = False
    base_measure = "counts"

    def in_support(self, value: Array) -> Array:
        """Every vector a code."""
        return jnp.all(self._promoted().codes.find(value) >= 0)

    def rate(self) -> float | Array:
        """N P log K, nats: what any choice of all codes costs."""
        return self.part_rate() * self.codes.parts()

    def part_rate(self) -> float:
        """N log K, nats: what one of the parts costs."""
        return math.prod(self.codes.positions(self.shape)) * math.log(self.codes.size[1])

    def _sample(self, key: Key) -> Array:
        parts, values = self.codes.size
        shape = (*self.codes.positions(self.shape), parts)
        index = jax.random.randint(key, shape, 0, values)
        in_use = jnp.arange(parts) < self.codes.parts()
        return self.codes.vectors(jnp.where(in_use, index, values))

    def _log_prob(self, value: Array) -> Array:
        check_shape("UniformCodes", value, self.shape)
        index, values = self.codes.find(value), self.codes.size[1]
        cost = jnp.sum(index < values) * math.log(values)
        return jnp.where(jnp.all(index >= 0), -cost, -jnp.inf)
