"""Planar flows."""

import jax.numpy as jnp

from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.flows.directions import unit
from vae_jax.types import Array

_LEAST = 1e-6  # of 1 + w.u-hat, by which the determinant is never 0


class Planar(Flow):
    """z = v + u-hat tanh(w.v + b): a step across a plane.

        det = 1 + w.u-hat (1 - tanh^2(w.v + b))
        u-hat = u + (m - w.u) w / |w|^2,   m = w.u where that is positive, else exp(w.u) - 1

    It is one to one, since w.u-hat = m > -1. The paper has m = log(1 + exp(w.u)) - 1, which is
    -0.31 at w.u = 0, so that u-hat is infinite at w = 0; here u-hat is u wherever that will do.

    It knows the way forward alone.

    Args:
      u, w: [D].
      b: [].

    Reference: Rezende, Mohamed 2015, arXiv 1505.05770, eq. 10 to 13, and A.1.
    """

    u: Array
    w: Array
    b: Array

    def _forward(self, u: Array) -> tuple[Array, Array]:
        check_size(self, self.w.size, u)
        for name, own, shape in (("u", self.u, u.shape), ("w", self.w, u.shape), ("b", self.b, ())):
            check_parameter(self, name, own, shape)
        step, room = self._step()
        h = jnp.tanh(self.w @ u + self.b)
        return u + step * h, jnp.log(h**2 + (1 - h**2) * room)

    def _step(self) -> tuple[Array, Array]:
        """u-hat, and 1 + w.u-hat, without the difference that would lose its digits."""
        direction, length = unit(self.w)
        across = direction @ self.u
        product = jnp.minimum(length * across, 0.0)
        is_positive = across > 0
        below = _LEAST + (1 - _LEAST) * jnp.exp(product)
        room = jnp.where(is_positive, 1 + length * across, below)
        back = jnp.where(is_positive, 0.0, across * ((1 - _LEAST) * _bend(product) - _LEAST))
        return self.u + back * direction, room


def _bend(x: Array) -> Array:
    """(exp(x) - 1 - x) / x, of x <= 0; by its series where x is next to nothing."""
    is_small = x > -1e-3
    far = jnp.where(is_small, -1.0, x)
    return jnp.where(is_small, x / 2 + x**2 / 6, jnp.expm1(far) / far - 1)
