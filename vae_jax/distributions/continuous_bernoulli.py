"""Continuous Bernoulli: an exponential family on [0, 1]."""

from math import factorial

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key

_NEAR = 1.0  # below it a series is better than the formula, which divides 0 by 0
_EVEN = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
_SERIES = tuple(b / (2 * k * factorial(2 * k)) for k, b in enumerate(_EVEN, 1))
_STEPS, _FARTHEST = 50, 1000.0  # of the search for the logit of a mean


class ContinuousBernoulli(Distribution):
    """Independent values in [0, 1], with densities proportional to exp(l_d x_d).

        log p(x) = sum_d  l_d x_d - log((e^{l_d} - 1) / l_d),   l = logits
                 = sum_d  x_d log sigmoid(l_d) + (1 - x_d) log sigmoid(-l_d) + log C(l_d)

    What binary cross-entropy on grey levels is, with the constant C that makes it a density:
    uniform at l = 0. Right at every logit, 0 among them, and so are its derivatives: near 0, where
    the formula divides 0 by 0, it is a series in l. The mean is not sigmoid(l), but nearer to 1/2.

    Grey levels 0 .. 255 that are divided by 255 are still discrete, so that this density says
    nothing of the probability of the integers: `vae_jax.data.dequantise` gives a bound on that. A
    draw carries no derivative.

    Args:
      logits: l, the event's shape.

    Reference: Loaiza-Ganem, Cunningham 2019, arXiv 1907.06845.
    """

    logits: Array

    reparameterized = False
    independent = True
    support = "takes values in [0, 1]: for integers, vae_jax.data.dequantise or vae_jax.data.scale"

    def _sample(self, key: Key) -> Array:
        logits = jax.lax.stop_gradient(self.logits)
        u = jax.random.uniform(key, logits.shape, logits.dtype)
        size = jnp.abs(logits)
        tilted = jnp.where(size > 1e-6, size, 1.0)  # else u is the draw, to 1e-7
        low = jnp.log1p(u * jnp.expm1(-tilted)) / -tilted
        low = jnp.clip(jnp.where(size > 1e-6, low, u), 0.0, 1.0)  # rounded, it may be over 1
        return jnp.where(logits > 0, 1 - low, low)

    def _log_prob(self, value: Array) -> Array:
        return jnp.where(self.in_support(value), jnp.sum(self._densities(value)), -jnp.inf)

    def _log_prob_factors(self, value: Array) -> Array:
        inside = (value >= 0) & (value <= 1)
        return jnp.where(inside, self._densities(value).reshape(self.logits.shape), -jnp.inf)

    def _densities(self, value: Array) -> Array:  # a vector, which is faster
        check_shape("ContinuousBernoulli", value, self.logits.shape)
        logits = jnp.ravel(self.logits)
        return _log_density(logits, jnp.ravel(value).astype(logits.dtype))

    def mean(self) -> Array:
        """1 / (1 - exp(-logits)) - 1 / logits; 1/2 at 0."""
        return _mean(self._promoted().logits)

    def in_support(self, value: Array) -> Array:
        """Every value in [0, 1]."""
        return jnp.all((value >= 0) & (value <= 1))


def logits_of_mean(mean: Array) -> Array:
    """The logits l, of the shape of the means in (0, 1), of which these are the means; at most 1000
    from 0, and so where the mean is less than 0.001 from an end."""

    def halved(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        below = _mean(middle) < mean
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    far = jnp.full(jnp.shape(mean), _FARTHEST)
    low, high = jax.lax.fori_loop(0, _STEPS, halved, (-far, far))
    return (low + high) / 2


def _log_density(logits: Array, x: Array) -> Array:
    near = jnp.abs(logits) < _NEAR
    small = jnp.where(near, logits, 0.0)
    square = small**2
    series = small * (x - 0.5) - square * jnp.polyval(jnp.array(_SERIES[::-1], x.dtype), square)
    large = jnp.where(near, _NEAR, logits)
    size = jnp.abs(large)
    away = jnp.where(large > 0, 1 - x, x)  # from the likelier end
    formula = -size * away + jnp.log(size) - jnp.log1p(-jnp.exp(-size))
    return jnp.where(near, series, formula)


def _mean(logits: Array) -> Array:
    near = jnp.abs(logits) < _NEAR
    small = jnp.where(near, logits, 0.0)
    slopes = [2 * k * c for k, c in enumerate(_SERIES, 1)]
    series = 0.5 + small * jnp.polyval(jnp.array(slopes[::-1], logits.dtype), small**2)
    size = jnp.abs(jnp.where(near, _NEAR, logits))
    low = 1 / size - jnp.exp(-size) / -jnp.expm1(-size)
    return jnp.where(near, series, jnp.where(logits > 0, 1 - low, low))
