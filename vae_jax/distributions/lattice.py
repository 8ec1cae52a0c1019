"""Codes without a table: the points of a lattice."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.codes import Codes
from vae_jax.types import Array

_BETWEEN = 1e-3  # relative to a step: no number of a lattice is so near to another


class Lattice(Codes):
    """Each channel one of so many numbers at equal distances, without a table.

        z_d = first_d + step_d k_d,   k_d = 0 .. L_d - 1 the nearest to (f_d - first_d) / step_d

    Args:
      first, step: [D].
      levels: L, of each channel; K is their product.

    Reference: Mentzer et al. 2023, arXiv 2309.15505; of two levels Yu et al. 2023,
    arXiv 2310.05737.
    """

    first: Array
    step: Array
    levels: tuple[int, ...] = flax.struct.field(pytree_node=False)

    @property
    def size(self) -> tuple[int, int]:
        """1, and the product of the levels."""
        return 1, math.prod(self.levels)

    @property
    def vector(self) -> tuple[int, ...]:
        """[D]."""
        return (len(self.levels),)

    def _nearest(self, f: Array) -> Array:
        place = jnp.round((jax.lax.stop_gradient(f) - self.first) / self.step)
        digits = jnp.clip(place, 0, jnp.array(self.levels) - 1).astype(jnp.int32)
        return jnp.sum(digits * self._counts(), keepdims=True)

    def _event(self, index: Array) -> Array:
        return self.first + self.step * (index // self._counts() % jnp.array(self.levels))

    def _find(self, event: Array) -> Array:
        index = self._nearest(event)
        near = jnp.abs(event - self._event(index)) <= _BETWEEN * jnp.abs(self.step)
        return jnp.where(jnp.all(near), index, -1)

    def _inputs(self, f: Array, index: Array) -> Array:
        return f[None]

    def _chosen(self, index: Array) -> Array:
        return self._event(index)[None]

    def _counts(self) -> Array:
        """What a digit of the index counts: 1, L_1, L_1 L_2, ..."""
        return jnp.array([math.prod(self.levels[:d]) for d in range(len(self.levels))])
