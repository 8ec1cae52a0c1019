"""A Gaussian of a tangent space, wrapped around hyperbolic space."""

import math

import flax.struct
import jax.numpy as jnp

from vae_jax.distributions import ball
from vae_jax.distributions.base import Distribution, Measure, check_shape
from vae_jax.distributions.gaussian import Gaussian
from vae_jax.types import Array, Key

_TAIL = 5  # lengths of n ~ N(0, I) beyond sqrt(D) + 5 are one in a thousand million


def most_of_scale_one(curvature: float) -> int:
    """In how many dimensions draws of scale 1 about 0 stay clear of the rim."""
    room = ball.REACH * math.exp(-ball.SOFT) / math.sqrt(curvature) - _TAIL
    return int(max(room, 0.0) ** 2)


class WrappedNormal(Distribution):
    """A point of the Poincare ball of curvature -c, a Gaussian tangent away from another.

        v ~ N(0, diag(exp(log_scale))^2),   z: at the distance |v| from mu, in the direction of v
        log p(z) = log N(v) - (D-1) log(sinh(sqrt(c) |v|) / (sqrt(c) |v|))

    a density against dM = lambda(z)^D dz (see `ball`): with dz it has D log lambda(z) more. The
    middle mu is at the distance |loc| from 0, in its direction. A draw is scored by its v, which is
    not rounded as its place near the rim is.

    Args:
      loc: [D]; |loc| is cut off, smoothly, from 7.5 / sqrt(c) on, at 8.
      log_scale: [D]; cut off so too, where draws would come to the rim: where
        |loc| + s (sqrt(D) + 5) is 12.1 / sqrt(c), or from a tenth below that on.
      curvature: c > 0.

    Reference: Mathieu et al. 2019, arXiv 1901.06033, section 3; Nagano et al. 2019, arXiv
    1902.02992.
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
        ball.check_curvature("WrappedNormal", self.curvature)
        tangent, log_p = self._tangents().sample_and_log_prob(key)
        value = ball.moved(ball.middle(self.loc, self.curvature)[0], tangent, self.curvature)
        log_p = log_p - self._log_volume(tangent)
        return value, ball.log_q(log_p, value, tangent, self.curvature)

    def _log_prob(self, value: Array) -> Array:
        ball.check_curvature("WrappedNormal", self.curvature)
        check_shape("WrappedNormal", value, self.loc.shape)
        inside = ball.in_ball(value, self.curvature)
        value = ball.within(jnp.where(inside, value, 0.0), self.curvature)
        middle = ball.middle(self.loc, self.curvature)[0]
        tangent = ball.tangent_to(middle, value, self.curvature)
        log_p = self._tangents().log_prob(tangent) - self._log_volume(tangent)
        return jnp.where(inside, log_p, -jnp.inf)

    def _tangents(self) -> Gaussian:
        """At the middle, of scales that keep its draws within the rim."""
        room = ball.middle(self.loc, self.curvature)[1] / math.sqrt(self.curvature)
        most = jnp.log(room / (math.sqrt(self.loc.size) + _TAIL))
        return Gaussian(jnp.zeros_like(self.loc), ball.limited(self.log_scale, most, ball.SOFT))

    def _log_volume(self, tangent: Array) -> Array:
        """log of the volume at the end of a tangent, for a unit of its own."""
        length = math.sqrt(self.curvature) * ball.norm(tangent)
        return (tangent.size - 1) * ball.log_sinh_ratio(length)
