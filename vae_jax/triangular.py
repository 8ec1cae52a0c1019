"""Triangular systems and factors of matrices of a few dimensions, one for every example.

On CPUs by plain operations. A batched call of LAPACK in jaxlib 0.10.0 to 0.10.2 waits for the pool
of threads it runs in itself: as many of them at once as there are cores wait for ever. Elsewhere by
JAX.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from vae_jax.types import Array


@partial(jax.jit, static_argnames="transposed")
def solve(factor: Array, right: Array, *, transposed: bool = False) -> Array:
    """x of L x = right, or of L' x = right; L [D, D], lower triangular; right [D] or [D, M].

    What is above L's diagonal is not read.
    """
    return lax.platform_dependent(
        factor,
        right,
        cpu=partial(_substituted, transposed=transposed),
        default=partial(jax.scipy.linalg.solve_triangular, lower=True, trans=int(transposed)),
    )


@jax.jit
def cholesky(matrix: Array) -> Array:
    """L, lower triangular with a positive diagonal, of L L' = matrix [D, D]; NaN without one."""
    return lax.platform_dependent(matrix, cpu=_by_columns, default=jnp.linalg.cholesky)


def _substituted(factor: Array, right: Array, *, transposed: bool) -> Array:
    place = jnp.arange(len(factor)).reshape(-1, *[1] * (right.ndim - 1))

    def step(x: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        j, column = at
        x = x.at[j].set(x[j] / column[j])
        left = place < j if transposed else place > j
        part = jnp.where(left, column.reshape(place.shape), 0.0)
        return jnp.where(left, x - part * x[j][None], x), None

    columns = factor if transposed else factor.T
    return lax.scan(step, right, (jnp.arange(len(factor)), columns), reverse=transposed)[0]


def _by_columns(matrix: Array) -> Array:
    place = jnp.arange(len(matrix))

    def step(columns: Array, j: Array) -> tuple[Array, None]:
        rest = matrix[j] - columns[:, j] @ columns
        return columns.at[j].set(jnp.where(place < j, 0.0, rest / jnp.sqrt(rest[j]))), None

    return lax.scan(step, jnp.zeros_like(matrix), place)[0].T
