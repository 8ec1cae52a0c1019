"""Codes whose indices are drawn from a distribution of their own: a learned prior of them."""

from typing import Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, as_float, check_shape
from vae_jax.distributions.codes import Codes
from vae_jax.types import Array, Key


class Coded(Distribution):
    """Vectors of codes whose indices have a distribution.

        log p(z) = log p(index of z), where every part of z is a code

    Args:
      indices: over integers, in any shape that has one for each part of each position, in their
        order: `Autoregressive` of `Categorical`, say.
      codes: `CodeTable`, `ResidualCodes` or `Lattice`.
      shape: of the event.
    """

    indices: Distribution
    codes: Codes
    shape: tuple[int, ...] = flax.struct.field(pytree_node=False)

    reparameterized = False
    base_measure = "counts"

    def in_support(self, value: Array) -> Array:
        """Every vector made of codes, whose indices have a probability."""
        index, is_code = self._index(value)
        return is_code & self.indices.in_support(index)

    def _sample(self, key: Key) -> Array:
        index = self.indices.sample(key)
        positions = self.codes.positions(self.shape)
        return self.codes.vectors(index.reshape(*positions, self.codes.size[0]))

    def _log_prob(self, value: Array) -> Array:
        check_shape("Coded", value, self.shape)
        index, is_code = self._index(value)
        return jnp.where(is_code, self.indices.log_prob(index), -jnp.inf)

    def _index(self, value: Array) -> tuple[Array, Array]:
        """The indices, in the shape of their distribution, and whether all are there."""
        index, values = self.codes.find(value), self.codes.size[1]
        is_code = jnp.all((index >= 0) & (index < values))
        shape = jax.eval_shape(self.indices.sample, jax.random.key(0)).shape
        return jnp.clip(index, 0, values - 1).reshape(shape), is_code

    def _promoted(self) -> Self:
        # of the indices, the weights are no parameters of a density
        return self.replace(codes=jax.tree.map(as_float, self.codes))
