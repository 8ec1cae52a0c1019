"""The density of hyperbolic space that falls with the square of the distance."""

import math
from functools import partial

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions import ball, implicit
from vae_jax.distributions.base import Distribution, Measure, check_shape
from vae_jax.distributions.sphere import UniformSphere, unit
from vae_jax.types import Array, Key

_TAIL = 5.5  # of a normal's draw in float32


class RiemannianNormal(Distribution):
    """A point of the Poincare ball of curvature -c, by its distance from another.

        log p(z) = -d(mu, z)^2 / (2 s^2) - log Z,   s = exp(log_scale)
        Z = area(S^(D-1)) integral exp(-r^2 / (2 s^2)) (sinh(sqrt(c) r) / sqrt(c))^(D-1) dr

    a density against dM = lambda(z)^D dz (see `ball`): with dz it has D log lambda(z) more. Z is a
    quadrature of positive numbers, in their logarithms: the sum of error functions that it is too
    cancels in float32 from D = 10 on. The distance is drawn by rejection, from a Gaussian; its
    derivative is implicit.

    Args:
      loc: [D]: mu is at the distance |loc| from 0, in its direction; cut off, smoothly, from
        7.5 / sqrt(c) on, at 8.
      log_scale: []; cut off so too, where draws would come to the rim: with t = s sqrt(c), where
        |loc| sqrt(c) + t^2 (D - 1) + 5.5 t is 12.1, or from a tenth below that on.
      curvature: c > 0.

    Reference: Mathieu et al. 2019, arXiv 1901.06033, section 3.
    """

    loc: Array
    log_scale: Array
    curvature: float = flax.struct.field(pytree_node=False, default=1.0)

    reparameterized = True
    support = "takes points inside of the ball of radius 1 / sqrt(curvature)"

    @property
    def base_measure(self) -> Measure:
        """That of the ball, which knows its curvature."""
        return ball.measure(self.curvature)

    def in_support(self, value: Array) -> Array:
        """A point inside of the ball."""
        return ball.in_ball(value, self.curvature)

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        self._check()
        s, dims = self._scale(), self.loc.size
        radius_key, direction_key = jax.random.split(key)
        radius = _of_scale(dims, _radius(radius_key, dims, jax.lax.stop_gradient(s)), s)
        direction = unit(jax.random.normal(direction_key, self.loc.shape, self.loc.dtype))
        tangent = direction * (radius / math.sqrt(self.curvature))
        value = ball.moved(ball.middle(self.loc, self.curvature)[0], tangent, self.curvature)
        return value, ball.log_q(self._log_density(radius), value, tangent, self.curvature)

    def _log_prob(self, value: Array) -> Array:
        self._check()
        check_shape("RiemannianNormal", value, self.loc.shape)
        inside = ball.in_ball(value, self.curvature)
        value = ball.within(jnp.where(inside, value, 0.0), self.curvature)
        middle = ball.middle(self.loc, self.curvature)[0]
        tangent = ball.tangent_to(middle, value, self.curvature)
        radius = math.sqrt(self.curvature) * ball.norm(tangent)
        return jnp.where(inside, self._log_density(radius), -jnp.inf)

    def _log_density(self, radius: Array) -> Array:
        """Of a distance in units of the curvature."""
        s, dims = self._scale(), self.loc.size
        constant = UniformSphere(dims).log_area() - dims / 2 * math.log(self.curvature)
        return -0.5 * (radius / s) ** 2 - _log_integral(dims, s) - constant

    def _scale(self) -> Array:
        """In units of the curvature; cut off at e^-12, and at what keeps within the rim."""
        room = ball.middle(self.loc, self.curvature)[1]
        most = 2 * room / (_TAIL + jnp.sqrt(_TAIL**2 + 4 * (self.loc.size - 1) * room))
        log_s = jnp.maximum(self.log_scale, -12.0) + math.log(self.curvature) / 2
        return jnp.exp(ball.limited(log_s, jnp.log(most), ball.SOFT))

    def _check(self) -> None:
        ball.check_curvature("RiemannianNormal", self.curvature)
        if jnp.shape(self.log_scale) != ():
            raise ValueError(
                "RiemannianNormal has one scale, of the distance: log_scale must be []; got"
                f" {jnp.shape(self.log_scale)}. WrappedNormal has one for each dimension."
            )


def _log_integral(dims: int, s: Array) -> Array:
    """log of the integral of exp(-t^2 / (2 s^2)) sinh(t)^(dims-1)."""
    t, weights = _places(dims, s)
    return jax.nn.logsumexp(-0.5 * (t / s) ** 2 + (dims - 1) * _log_sinh(t), b=weights)


def _places(dims: int, s: Array) -> tuple[Array, Array]:
    """Where its quadrature is taken, and the weights, without a derivative."""
    mode, width = _shape(dims, jax.lax.stop_gradient(s))
    return implicit.nodes(jnp.maximum(mode - 12 * width, 0.0), mode + 12 * width)


def _shape(dims: int, s: Array) -> tuple[Array, Array]:
    """The mode, where t = s^2 (dims-1) coth t, and the width there."""
    m = s**2 * (dims - 1)
    mode = (m + jnp.sqrt(m**2 + 4 * m)) / 2  # above it: t coth t < 1 + t
    for _ in range(4):
        mode = jnp.sqrt(m * _t_coth(mode))
    falls = (dims - 1) * jnp.exp(-2 * _log_sinh(jnp.maximum(mode, 1e-6 * s)))
    return mode, 1 / jnp.sqrt(1 / s**2 + (falls if dims > 1 else 0.0))


def _radius(key: Key, dims: int, s: Array) -> Array:
    """A draw: log sinh is concave, below its tangent at the mode; with it the rest is Gaussian."""
    at = jnp.maximum(_shape(dims, s)[0], 1e-6 * s)
    rise = _t_coth(at) / at

    def propose(carry: tuple[Key, Array, Array]) -> tuple[Key, Array, Array]:
        key, own, accept = jax.random.split(carry[0], 3)
        t = s**2 * (dims - 1) * rise + s * jax.random.normal(own, (), s.dtype)
        positive = jnp.where(t > 0, t, at)
        less = (dims - 1) * (_log_sinh(positive) - _log_sinh(at) - rise * (positive - at))
        log_u = jnp.log(jax.random.uniform(accept, (), s.dtype))
        return key, t, (t > 0) & (less >= log_u)

    first = (key, jnp.ones_like(s), jnp.zeros((), bool))
    return jax.lax.while_loop(lambda carry: ~carry[2], propose, first)[1]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_scale(dims: int, radius: Array, s: Array) -> Array:
    """The distance, with its derivative in the scale."""
    del dims, s
    return radius


@_of_scale.defjvp
def _of_scale_jvp(dims: int, at: tuple, moved: tuple) -> tuple[Array, Array]:
    radius, s = at
    t, weights = _places(dims, s)
    log_p = -0.5 * (t / s) ** 2 + (dims - 1) * _log_sinh(t)
    share = weights * jnp.exp(log_p - jnp.max(log_p))
    mean = jnp.sum(share * t**2) / jnp.sum(share)

    def log_ratio(t: Array) -> Array:
        fall = 0.5 * (radius - t) * (radius + t) / s**2
        return fall + (dims - 1) * (_log_sinh(t) - _log_sinh(radius))

    slope = implicit.slope(
        radius,
        radius**2 < mean,
        12 * _shape(dims, s)[1],
        (0.0, math.inf),
        lambda t: (t**2 - mean) / s**3,
        log_ratio,
    )
    return radius, slope * moved[1]


def _log_sinh(t: Array) -> Array:
    """log sinh t, t > 0."""
    return jnp.log(t) + ball.log_sinh_ratio(t)


def _t_coth(t: Array) -> Array:
    """t coth t."""
    small = t < 1e-3
    return jnp.where(small, 1 + t**2 / 3, t / jnp.tanh(jnp.where(small, 1.0, t)))
