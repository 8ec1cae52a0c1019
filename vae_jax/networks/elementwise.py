"""By which map each value goes in a coupling or an autoregressive flow: raw outputs to a flow."""

from dataclasses import dataclass
from typing import Protocol

import jax.numpy as jnp

from vae_jax.flows import Affine, Flow, Spline
from vae_jax.types import Array


class Elementwise(Protocol):
    """Makes a flow of each value by itself of what a network says of it."""

    @property
    def size(self) -> int:
        """How many numbers it takes for each value."""

    def __call__(self, raw: Array) -> Flow:
        """Of raw numbers [D, size], a flow over [D]; of zeros, the identity."""


@dataclass(frozen=True)
class Affines:
    """Shifts and scales: z_d = shift_d + s_d u_d.

        log s_d = bound tanh(raw_d / bound)

    Args:
      bound: of the log of a scale, so that what is far from all data stays finite.
    """

    bound: float = 2.0

    @property
    def size(self) -> int:
        """A shift and a scale."""
        return 2

    def __call__(self, raw: Array) -> Affine:
        """Affine over [D], of [D, 2]."""
        return Affine(raw[:, 0], self.bound * jnp.tanh(raw[:, 1] / self.bound))


@dataclass(frozen=True)
class Splines:
    """Rational-quadratic splines on [-bound, bound], the identity outside.

    Args:
      bins: of each value, K.
      bound: of the interval.
    """

    bins: int = 8
    bound: float = 5.0

    @property
    def size(self) -> int:
        """Widths, heights, and the slopes between."""
        return 3 * self.bins - 1

    def __call__(self, raw: Array) -> Spline:
        """Spline over [D], of [D, 3 K - 1]."""
        K = self.bins
        return Spline(raw[:, :K], raw[:, K : 2 * K], raw[:, 2 * K :], self.bound)
