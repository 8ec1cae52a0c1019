"""The derivative of a draw of one variable, however it was drawn.

    dx/da = -dF/da / p(x),   F the distribution, a its parameter

Of log p(x) = g(x; a) - log Z(a) it is, with f = dg/da and its mean E[f],

    dF/da = integral up to x of (f(t) - E[f]) p(t) dt = -the same from there on

Where f - E[f] has one sign up to a place, and the other beyond, the integral over the side of x on
which it has one does not cancel.

Reference: Figurnov, Mohamed, Mnih 2018, arXiv 1805.08498.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)  # on [-1, 1]


def slope(
    x: Array,
    below: Array,
    width: Array,
    ends: tuple[float, float],
    excess: Callable[[Array], Array],
    log_ratio: Callable[[Array], Array],
) -> Array:
    """dx/da.

    Args:
      x: the draw, [].
      below: whether it is on the lower side, [] bool.
      width: beyond which of x the density is nothing, [].
      ends: of the variable's interval.
      excess: t -> f(t) - E[f].
      log_ratio: t -> log p(t) - log p(x).
    """
    start = jnp.where(below, jnp.maximum(x - width, ends[0]), x)
    end = jnp.where(below, x, jnp.minimum(x + width, ends[1]))
    t, weights = nodes(start, end)
    side = jnp.sum(weights * excess(t) * jnp.exp(log_ratio(t)))
    return jnp.where(below, -side, side)


def nodes(start: Array, end: Array) -> tuple[Array, Array]:
    """Places and weights of a quadrature from start to end, [64] each."""
    half = (end - start) / 2
    t = start + half * (1 + jnp.asarray(NODES, half.dtype))
    return t, half * jnp.asarray(WEIGHTS, half.dtype)
