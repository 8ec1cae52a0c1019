"""Sylvester flows."""

import jax
import jax.numpy as jnp

from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.flows.directions import unit
from vae_jax.types import Array

_LEAST = 1e-4  # by which the diagonals stay below 1, and 1 + r_ii r~_ii above 0


class Sylvester(Flow):
    """z = u + Q R tanh(R~ Q'u + b): M planar steps at once, in the directions Q.

        det = prod_i (1 + r_ii r~_ii (1 - h_i^2)),   h = tanh(R~ Q'u + b)

    R and R~ are upper triangular, their diagonals tanh of what is given, as in the authors' code:
    so r_ii r~_ii > -1, and the map is one to one. Q, [D, M], are the first columns of a product of
    K reflections, orthonormal whatever the vectors are; K >= M reach all directions.

    It knows the way forward alone.

    Args:
      vectors: of the reflections, [K, D]; one that is 0 reflects nothing.
      r, r_tilde: [M, M], of which what is below the diagonal is not read.
      b: [M].

    Reference: van den Berg, Hasenclever, Tomczak, Welling 2018, arXiv 1803.05649, eq. 9 to 13 and
    section 4 (Householder Sylvester flows).
    """

    vectors: Array
    r: Array
    r_tilde: Array
    b: Array

    def directions(self) -> Array:
        """Q, [D, M], with Q'Q = I."""

        def reflect(columns: Array, vector: Array) -> tuple[Array, None]:
            direction, _ = unit(vector)
            return columns - 2 * jnp.outer(direction, direction @ columns), None

        first = jnp.eye(self.vectors.shape[-1], self.b.size, dtype=self.vectors.dtype)
        return jax.lax.scan(reflect, first, self.vectors)[0]

    def _forward(self, u: Array) -> tuple[Array, Array]:
        check_size(self, self.vectors.shape[-1], u)
        M = self.b.size
        for name, own, shape in (
            ("vectors", self.vectors, (len(self.vectors), u.size)),
            ("r", self.r, (M, M)),
            ("r_tilde", self.r_tilde, (M, M)),
            ("b", self.b, (M,)),
        ):
            check_parameter(self, name, own, shape)
        Q, R, R_tilde = self.directions(), _triangular(self.r), _triangular(self.r_tilde)
        h = jnp.tanh(R_tilde @ (u @ Q) + self.b)
        room = 1 + jnp.diag(R) * jnp.diag(R_tilde)
        return u + Q @ (R @ h), jnp.sum(jnp.log(h**2 + (1 - h**2) * room))


def _triangular(raw: Array) -> Array:
    return jnp.triu(raw, 1) + jnp.diag((1 - _LEAST) * jnp.tanh(jnp.diag(raw)))
