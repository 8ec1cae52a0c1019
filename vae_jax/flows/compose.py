"""Flows made of flows."""

from typing import Any

import jax.numpy as jnp

from vae_jax.flows.base import Flow
from vae_jax.types import Array


class Chain(Flow):
    """Flows one after the other: z = f_K(... f_2(f_1(u))).

        log |det dz/du| = sum_k log |det df_k|

    Args:
      parts: a tuple of flows, in the order of the way forward.
    """

    parts: Any

    @property
    def invertible(self) -> bool:
        """Where all parts are."""
        return all(part.invertible for part in self.parts)

    def _forward(self, u: Array) -> tuple[Array, Array]:
        total = jnp.zeros((), u.dtype)
        for part in self.parts:
            u, log_det = part.forward_and_log_det(u)
            total = total + log_det
        return u, total

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        total = jnp.zeros((), z.dtype)
        for part in reversed(self.parts):
            z, log_det = part.inverse_and_log_det(z)
            total = total + log_det
        return z, total


class Inverse(Flow):
    """A flow the other way round.

    Of an `AutoregressiveFlow`, whose way forward is one pass and whose inverse D, it is a masked
    autoregressive flow (MAF), of which a density is one pass and a draw D.

    Args:
      flow: with an inverse.
    """

    flow: Any

    def _forward(self, u: Array) -> tuple[Array, Array]:
        z, log_det = self.flow.inverse_and_log_det(u)
        return z, log_det

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        u, log_det = self.flow.forward_and_log_det(z)
        return u, log_det


def chain(*flows: Flow) -> Chain:
    """Flows one after the other, in the order of the way forward; none at all leave u as it is."""
    return Chain(tuple(flows))
