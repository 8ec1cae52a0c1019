"""Linear maps of all values."""

import flax.struct
import jax.numpy as jnp
import numpy as np

from vae_jax import triangular
from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.types import Array


class Permutation(Flow):
    """z_d = u_order[d]; log |det| = 0.

    Args:
      order: each of 0 .. D - 1 once; ValueError for another.
    """

    order: tuple[int, ...] = flax.struct.field(pytree_node=False)

    def __post_init__(self) -> None:
        if sorted(self.order) != list(range(len(self.order))):
            raise ValueError(
                f"A permutation has each of 0 .. {len(self.order) - 1} once; got {self.order}."
            )

    def _forward(self, u: Array) -> tuple[Array, Array]:
        check_size(self, len(self.order), u)
        return u[np.array(self.order)], jnp.zeros((), u.dtype)

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        check_size(self, len(self.order), z)
        return z[np.argsort(self.order)], jnp.zeros((), z.dtype)


class Linear(Flow):
    """z = L U u: L lower triangular, of diagonal 1, U upper, of diagonal exp(log_diagonal).

        log |det| = sum_d log_diagonal_d

    With a `Permutation` behind it it is every matrix P L U whose determinant has the sign of P's.

    Args:
      lower, upper: [D, D], of which what is beyond their triangle, or on the diagonal, is not read.
      log_diagonal: [D].

    Reference: Kingma, Dhariwal 2018, arXiv 1807.03039, section 3.2.
    """

    lower: Array
    upper: Array
    log_diagonal: Array

    def _forward(self, u: Array) -> tuple[Array, Array]:
        lower, upper = self._factors(u)
        return lower @ (upper @ u), jnp.sum(self.log_diagonal)

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        lower, upper = self._factors(z)
        middle = triangular.solve(lower, z)
        u = triangular.solve(upper.T, middle, transposed=True)
        return u, -jnp.sum(self.log_diagonal)

    def _factors(self, vector: Array) -> tuple[Array, Array]:
        check_size(self, self.log_diagonal.size, vector)
        for name, factor in (("lower", self.lower), ("upper", self.upper)):
            check_parameter(self, name, factor, (vector.size, vector.size))
        one = jnp.eye(vector.size, dtype=self.lower.dtype)
        diagonal = jnp.diag(jnp.exp(self.log_diagonal))
        return jnp.tril(self.lower, -1) + one, jnp.triu(self.upper, 1) + diagonal
