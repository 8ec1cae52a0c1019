"""Coupling: some values move the others."""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax.numpy as jnp

from vae_jax.flows.base import Flow
from vae_jax.types import Array


class Coupling(Flow):
    """The first values stay, and say by which flow the others go.

        z = (u_1 .. u_k, f(u_k+1 .. u_D)),   f = program(given, u_1 .. u_k)

    With f an `Affine` it is RealNVP's, with a `Spline` a neural spline flow's. Both ways are one
    pass. A `Permutation` between two of them moves those that stayed.

    Args:
      given: what the program reads: weights, features.
      program: (given, the values that stay [k]) -> a flow over the D - k others. Made once: `jit`
        recognises it by equality.
      kept: k.

    References: Dinh, Sohl-Dickstein, Bengio 2017, arXiv 1605.08803, eq. 4 to 8; Durkan et al. 2019,
    arXiv 1906.04032, section 3.2.
    """

    given: Any
    program: Callable[[Any, Array], Flow] = flax.struct.field(pytree_node=False)
    kept: int = flax.struct.field(pytree_node=False)

    def _forward(self, u: Array) -> tuple[Array, Array]:
        stays = u[: self.kept]
        moved, log_det = self.program(self.given, stays).forward_and_log_det(u[self.kept :])
        return jnp.concatenate([stays, moved]), log_det

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        stays = z[: self.kept]
        moved, log_det = self.program(self.given, stays).inverse_and_log_det(z[self.kept :])
        return jnp.concatenate([stays, moved]), log_det
