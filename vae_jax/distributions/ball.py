"""The Poincare ball: hyperbolic space of curvature -c in the ball of radius 1 / sqrt(c).

    distance:  sinh^2(sqrt(c) d / 2) = c |x - y|^2 / ((1 - c |x|^2) (1 - c |y|^2))
    measure:   dM = lambda(z)^D dz,   lambda(z) = 2 / (1 - c |z|^2)

Near the rim a float32 knows little of 1 - c |z|^2: points are kept within 1 - 1e-5 of the radius,
12.2 / sqrt(c) from the middle. A draw that was moved there is not what its density was that of, so
the middles and scales of densities are cut off where draws would come to it, smoothly, for them to
be learned still (`middle`, `room`, `limited`); a draw that does come there has a log q of infinity,
a weight of 0 (`log_q`).

Reference: Mathieu et al. 2019, arXiv 1901.06033.
"""

import math

import jax.numpy as jnp

from vae_jax.types import Array

_RIM = 1 - 1e-5
REACH = math.log(2 / 1.1e-5)  # a distance, of c = 1: a tenth before the rim
_FARTHEST = 2 / 3 * REACH  # of a middle
SOFT = 0.1  # of the cut-off of a log-scale
_FAR = 1e6  # a length: far beyond the rim


def place(tangent: Array, c: float) -> Array:
    """The point at the distance |tangent| from the middle, in its direction."""
    tangent = jnp.clip(tangent, -_FAR, _FAR)
    length = norm(tangent)
    share = jnp.where(length > 1e-4, jnp.tanh(math.sqrt(c) * length / 2) / length, 0.5)
    return within(tangent * jnp.where(length > 1e-4, share / math.sqrt(c), share), c)


def middle(loc: Array, c: float) -> tuple[Array, Array]:
    """The place of a density's middle, at most 8 / sqrt(c) from 0, and the `room` beyond it, []:
    how far the rim is at least, in units of the curvature."""
    length = math.sqrt(c) * norm(jnp.clip(loc, -_FAR, _FAR))
    some = length > 1e-4
    kept = limited(length, _FARTHEST, 0.5)
    share = jnp.where(some, kept / jnp.where(some, length, 1.0), 1.0)
    return place(jnp.clip(loc, -_FAR, _FAR) * share, c), REACH - kept


def limited(x: Array, most: Array | float, softness: float) -> Array:
    """x, or from most - softness on what tends to `most`, with a derivative that falls to 0."""
    beyond = jnp.maximum(x - (most - softness), 0.0) / softness
    return jnp.where(beyond > 0, most - softness / (1 + beyond), x)


def log_q(log_p: Array, point: Array, tangent: Array, c: float) -> Array:
    """log p of a draw, or infinity where it did not come to where its tangent leads."""
    far = math.sqrt(c) * norm(tangent) > REACH
    lost = far | (math.sqrt(c) * norm(point) > 1 - 1.1e-5)
    return jnp.where(lost, jnp.inf, log_p)


def moved(start: Array, tangent: Array, c: float) -> Array:
    """The point at the distance |tangent| from `start`, which is where a geodesic in the direction
    of the tangent, in an orthonormal frame, comes to."""
    w = place(tangent, c)
    both, first, second = (2 * c * jnp.sum(start * w), c * jnp.sum(start**2), c * jnp.sum(w**2))
    point = (1 + both + second) * start + (1 - first) * w
    return within(point / (1 + both + first * second), c)


def tangent_to(start: Array, end: Array, c: float) -> Array:
    """The tangent at `start` that leads to `end`: what `moved` is given."""
    apart = end - start
    away = c * jnp.sum(apart**2)
    left, right = 1 - c * jnp.sum(start**2), 1 - c * jnp.sum(end**2)
    towards = left * apart - away * start  # that of Moebius addition, without a loss
    length = norm(towards)
    some = length > 0
    distance = 2 / math.sqrt(c) * jnp.arcsinh(norm(apart) * jnp.sqrt(c / (left * right)))
    return towards * jnp.where(some, distance / jnp.where(some, length, 1.0), 0.0)


def within(point: Array, c: float) -> Array:
    """The point, or, where it is outside of the rim, that of the rim in its direction."""
    length = norm(point) * math.sqrt(c)
    outside = length > _RIM
    return point * jnp.where(outside, _RIM / jnp.where(outside, length, 1.0), 1.0)


def in_ball(point: Array, c: float) -> Array:
    """Whether a point is in the ball, [] bool."""
    return c * jnp.sum(jnp.asarray(point) ** 2) < 1


def norm(vector: Array) -> Array:
    """The length, of derivative 0 at 0."""
    squared = jnp.sum(vector**2)
    some = squared > 0
    return jnp.where(some, jnp.sqrt(jnp.where(some, squared, 1.0)), 0.0)


def log_sinh_ratio(x: Array) -> Array:
    """log(sinh(x) / x), x >= 0."""
    large = x > 0.1
    y = jnp.where(large, x, 1.0)
    small = jnp.where(large, 0.0, x) ** 2
    series = small / 6 - small**2 / 180 + small**3 / 2835
    return jnp.where(large, y + jnp.log1p(-jnp.exp(-2 * y)) - math.log(2) - jnp.log(y), series)


def measure(c: float) -> str:
    """What a density on the ball is one of."""
    return f"the Poincare ball of curvature {-c:g}"


def check_curvature(name: str, c: float) -> None:
    """ValueError unless the curvature -c is negative."""
    if not (isinstance(c, int | float) and 0 < c < math.inf):
        raise ValueError(f"{name}: curvature is that of -c, c > 0, such as 1.0; got c = {c!r}.")
