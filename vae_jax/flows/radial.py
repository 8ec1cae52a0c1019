"""Radial flows."""

import jax
import jax.numpy as jnp

from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.flows.directions import unit
from vae_jax.types import Array

_LEAST = 1e-6  # of alpha, and of the part of it by which beta stays above -alpha


class Radial(Flow):
    """z = v + beta-hat (v - center) / (a + r), r = |v - center|: to a point, or away from it.

        det = (1 + beta-hat / (a + r))^(D - 1) (1 + a beta-hat / (a + r)^2)
        a = softplus(alpha),   beta-hat = softplus(beta) - a

    It is one to one, since beta-hat > -a. At alpha = beta it leaves v as it is.

    It knows the way forward alone.

    Args:
      center: [D].
      alpha, beta: [].

    Reference: Rezende, Mohamed 2015, arXiv 1505.05770, eq. 14, and A.2.
    """

    center: Array
    alpha: Array
    beta: Array

    def _forward(self, u: Array) -> tuple[Array, Array]:
        check_size(self, self.center.size, u)
        check_parameter(self, "center", self.center, u.shape)
        check_parameter(self, "alpha", self.alpha, ())
        check_parameter(self, "beta", self.beta, ())
        a = _LEAST + jax.nn.softplus(self.alpha)
        room = _LEAST * a + jax.nn.softplus(self.beta)  # a + beta-hat
        distance = u - self.center
        direction, r = unit(distance)
        r = jnp.where(jnp.any(distance != 0), r, 0.0)
        # Sums of what is positive: 1 + beta-hat / (a + r) would be a difference.
        across = jnp.log(r + room) - jnp.log(a + r)
        along = jnp.log(r * (r + 2 * a) + a * room) - 2 * jnp.log(a + r)
        z = u + (room - a) * (r / (a + r)) * direction
        return z, (u.size - 1) * across + along
