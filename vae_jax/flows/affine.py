"""Affine maps of each value."""

import jax.numpy as jnp

from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.types import Array


class Affine(Flow):
    """z_d = shift_d + exp(log_scale_d) u_d, of each value by itself.

        log |det| = sum_d log_scale_d

    Args:
      shift, log_scale: [D].
    """

    shift: Array
    log_scale: Array

    def _forward(self, u: Array) -> tuple[Array, Array]:
        self._check(u)
        return self.shift + jnp.exp(self.log_scale) * u, jnp.sum(self.log_scale)

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        self._check(z)
        return (z - self.shift) * jnp.exp(-self.log_scale), -jnp.sum(self.log_scale)

    def _check(self, vector: Array) -> None:
        check_size(self, self.shift.size, vector)
        check_parameter(self, "shift", self.shift, vector.shape)
        check_parameter(self, "log_scale", self.log_scale, vector.shape)
