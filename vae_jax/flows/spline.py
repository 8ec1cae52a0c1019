"""Monotone splines of each value."""

import math
from typing import NamedTuple

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.flows.base import Flow, check_parameter, check_size
from vae_jax.types import Array

_LEAST = 1e-3  # of a bin's share of the interval, and of a slope, as in the authors' code
_UNIT = math.log(math.expm1(1 - _LEAST))  # what softplus makes a slope of 1 of


class Spline(Flow):
    """A rational-quadratic spline on [-bound, bound], and the identity outside, of each value.

        z = z_k + h_k (s x^2 + d_k x (1 - x)) / (s + (d_k+1 + d_k - 2 s) x (1 - x))
        x = (u - u_k) / w_k,   s = h_k / w_k

    in the bin k of width w_k and height h_k, whose ends have the slopes d_k and d_k+1. Widths and
    heights are softmax of what is given, slopes softplus, none below 1/1000. Zeros are the
    identity.

    Args:
      widths, heights: of K bins of each value, [D, K].
      slopes: at the K - 1 places between bins, [D, K - 1]; at both ends it is 1.
      bound: of the interval.

    Reference: Durkan, Bekasov, Murray, Papamakarios 2019, arXiv 1906.04032, eq. 4 to 8.
    """

    widths: Array
    heights: Array
    slopes: Array
    bound: float = flax.struct.field(pytree_node=False, default=5.0)

    def _forward(self, u: Array) -> tuple[Array, Array]:
        self._check(u)
        inside = jnp.clip(u, -self.bound, self.bound)
        own = self._bins(inside, of_u=True)
        x = (inside - own.u) / own.width
        z = own.z + own.height * (own.s * x**2 + own.d * x * (1 - x)) / _denominator(own, x)
        is_in = jnp.abs(u) < self.bound
        return jnp.where(is_in, z, u), jnp.sum(jnp.where(is_in, _log_slope(own, x), 0.0))

    def _inverse(self, z: Array) -> tuple[Array, Array]:
        self._check(z)
        inside = jnp.clip(z, -self.bound, self.bound)
        own = self._bins(inside, of_u=False)
        x = _solved(own, inside - own.z)
        is_in = jnp.abs(z) < self.bound
        u = jnp.where(is_in, own.u + own.width * x, z)
        return u, -jnp.sum(jnp.where(is_in, _log_slope(own, x), 0.0))

    def _check(self, vector: Array) -> None:
        check_size(self, self.widths.shape[0], vector)
        D, K = vector.size, self.widths.shape[-1]
        check_parameter(self, "widths", self.widths, (D, K))
        check_parameter(self, "heights", self.heights, (D, K))
        check_parameter(self, "slopes", self.slopes, (D, K - 1))
        if K * _LEAST >= 1:
            raise ValueError(
                f"A spline has bins of {_LEAST} of its interval at least, so fewer than"
                f" {round(1 / _LEAST):,} of them; got {K}."
            )

    def _bins(self, values: Array, *, of_u: bool) -> "_Bin":
        """That of each value, [D] each."""
        u, width = _knots(self.widths, self.bound)
        z, height = _knots(self.heights, self.bound)
        ends = jnp.pad(_LEAST + jax.nn.softplus(self.slopes + _UNIT), ((0, 0), (1, 1)))
        slopes = ends.at[:, jnp.array([0, -1])].set(1.0)
        starts = u if of_u else z
        k = jnp.sum(values[:, None] >= starts[:, 1:], axis=1, keepdims=True)
        pick = lambda table: jnp.take_along_axis(table, k, axis=1)[:, 0]  # noqa: E731
        own = (pick(u), pick(z), pick(width), pick(height))
        return _Bin(*own, pick(height / width), pick(slopes[:, :-1]), pick(slopes[:, 1:]))


class _Bin(NamedTuple):
    """Where it begins, how wide and high it is, its mean slope, and those of its ends."""

    u: Array
    z: Array
    width: Array
    height: Array
    s: Array
    d: Array
    d_next: Array


def _knots(raw: Array, bound: float) -> tuple[Array, Array]:
    """Where K bins begin, and how large they are, [D, K] each; they fill [-bound, bound]."""
    share = _LEAST + (1 - _LEAST * raw.shape[1]) * jax.nn.softmax(raw, axis=1)
    size = 2 * bound * share
    return jnp.cumsum(size, axis=1) - size - bound, size


def _denominator(own: _Bin, x: Array) -> Array:
    return own.s + (own.d_next + own.d - 2 * own.s) * x * (1 - x)


def _log_slope(own: _Bin, x: Array) -> Array:
    above = own.d_next * x**2 + 2 * own.s * x * (1 - x) + own.d * (1 - x) ** 2
    return 2 * jnp.log(own.s) + jnp.log(above) - 2 * jnp.log(_denominator(own, x))


def _solved(own: _Bin, distance: Array) -> Array:
    """x of z - z_k, in [0, 1]: the root of a quadratic that has no difference of like numbers."""
    bend = distance * (own.d_next + own.d - 2 * own.s)
    a = own.height * (own.s - own.d) + bend
    b = own.height * own.d - bend
    squared = b**2 + 4 * a * own.s * distance
    root = jnp.sqrt(jnp.where(squared > 0, squared, jnp.finfo(squared.dtype).tiny))  # by rounding
    return jnp.clip(2 * own.s * distance / (b + root), 0.0, 1.0)
