"""Each value moved by those before it."""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.flows.base import Flow
from vae_jax.types import Array


class AutoregressiveFlow(Flow):
    """z_d = f_d(u_d), of which f_d is told u_1 .. u_d-1.

        z = f(u),   f = program(given, u),   log |det| = that of f, since dz/du is triangular

    A program makes the maps of all values at once: a flow of each value by itself (`Affine`,
    `Spline`), whose parameters at d are told nothing of u from d on. The way forward is one pass,
    the inverse D of them: as a posterior, of which log q of a draw alone is asked, it is the
    inverse autoregressive flow (IAF). `Inverse` of it is the masked autoregressive flow (MAF),
    whose density is one pass.

    Args:
      given: what the program reads: weights, features.
      program: (given, u) -> a flow of each value. Made once: `jit` recognises it by equality.

    References: Kingma et al. 2016, arXiv 1606.04934, eq. 7 to 10; Papamakarios, Pavlakou, Murray
    2017, arXiv 1705.07057, section 3.
    """

    given: Any
    program: Callable[[Any, Array], Flow] = flax.struct.field(pytree_node=False)

    def _forward(self, u: Array) -> tuple[Array, Array]:
        return self.program(self.given, u).forward_and_log_det(u)

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        def find(u: Array, d: Array) -> tuple[Array, None]:
            known, _ = self.program(self.given, u).inverse_and_log_det(z)
            return u.at[d].set(known[d]), None

        # of D passes the gradient would keep all that their networks made
        again = jax.checkpoint(find, prevent_cse=False)
        u, _ = jax.lax.scan(again, jnp.zeros_like(z), jnp.arange(z.size))
        return u, -self._forward(u)[1]
