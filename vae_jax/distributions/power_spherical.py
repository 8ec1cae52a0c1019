"""Power spherical: around a direction of a sphere, drawn as a ratio of gammas."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.sphere import beside, check_size, concentration, on_sphere, unit
from vae_jax.distributions.stirling import rest
from vae_jax.types import Array, Key

_LARGE = 1e5  # of a shape: log a Gaussian to a thousandth of its width


class PowerSpherical(Distribution):
    """Around a direction on the unit sphere of R^D, which has D - 1 dimensions.

        log p(z) = k log((1 + mu . z) / 2) - log integral,   mu = direction / |direction|
        (1 + mu . z) / 2 ~ Beta(b + k, b),   b = (D - 1) / 2,   k = e^log_concentration
        integral = (4 pi)^b Gamma(b + k) / Gamma(2 b + k)

    Near to a `VonMisesFisher`, of about twice the concentration, and cheaper to draw. From
    b + k = 1e5 on the larger gamma variable is drawn as the Gaussian that its logarithm tends to.

    Args:
      direction: [D], D >= 2, of any length.
      log_concentration: []; cut off at -40 and 40.

    Reference: De Cao, Aziz 2020, arXiv 2006.04437.
    """

    direction: Array
    log_concentration: Array

    reparameterized = True
    base_measure = "sphere"
    support = "takes vectors of length 1"

    def entropy(self) -> Array:
        """-E[log p(z)], [] nats."""
        own = self._promoted()
        b, k = _half(own.direction.size), concentration(own.log_concentration)
        return _log_integral(b, k) + k * _log_ratio_slope(b + k, b)

    def mean(self) -> Array:
        """E[z], inside of the sphere: mu k / (2 b + k)."""
        own = self._promoted()
        k = concentration(own.log_concentration)
        return unit(own.direction) * (k / (2 * _half(own.direction.size) + k))

    def in_support(self, value: Array) -> Array:
        """A vector of length 1, to the rounding of float32."""
        return on_sphere(value)

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        check_size("PowerSpherical", self.direction.size)
        k, mu, b = (
            concentration(self.log_concentration),
            unit(self.direction),
            _half(self.direction.size),
        )
        near_key, far_key, beside_key = jax.random.split(key, 3)
        log_near = _log_gamma(near_key, b + k)
        log_far = jax.random.loggamma(far_key, b, dtype=k.dtype)
        odds = log_far - log_near  # of (1 - mu . z) / 2
        cosine = jnp.tanh(-odds / 2)
        sine = 2 * jnp.exp(0.5 * odds - jax.nn.softplus(odds))
        value = cosine * mu + sine * beside(beside_key, mu)
        return value, -k * jax.nn.softplus(odds) - _log_integral(b, k)

    def _log_prob(self, value: Array) -> Array:
        check_shape("PowerSpherical", value, self.direction.shape)
        check_size("PowerSpherical", self.direction.size)
        k = concentration(self.log_concentration)
        fall = 0.25 * jnp.sum((value - unit(self.direction)) ** 2)  # (1 - mu . z) / 2
        inside = on_sphere(value) & (fall < 1)
        log_p = k * jnp.log1p(-jnp.where(inside, fall, 0.0))
        log_p -= _log_integral(_half(value.size), k)
        return jnp.where(inside, log_p, -jnp.inf)


def _log_gamma(key: Key, a: Array) -> Array:
    """The logarithm of a gamma variable: log a + n / sqrt(a) of a large a, where the derivative of
    jax's own fails in float32."""
    large, normal_key = a > _LARGE, jax.random.fold_in(key, 1)
    noise = jax.random.normal(normal_key, jnp.shape(a), a.dtype)
    exact = jax.random.loggamma(key, jnp.minimum(a, _LARGE), dtype=a.dtype)
    return jnp.where(large, jnp.log(a) + noise / jnp.sqrt(a), exact)


def _half(size: int) -> float:
    return (size - 1) / 2


def _log_integral(b: float, k: Array) -> Array:
    """That of ((1 + mu . z) / 2)^k."""
    return b * math.log(4 * math.pi) - _log_ratio(b + k, b)


def _log_ratio(a: Array, b: float) -> Array:
    """log Gamma(a + b) - log Gamma(a): of large a not as the difference of two large numbers."""
    large = (a + b - 0.5) * jnp.log1p(b / a) + b * jnp.log(a) - b
    return large + _rest(a + b) - _rest(a)


def _log_ratio_slope(a: Array, b: float) -> Array:
    """Its derivative in a, digamma(a + b) - digamma(a)."""
    slope = jax.grad(_rest)
    return jnp.log1p(b / a) + b / (2 * a * (a + b)) + slope(a + b) - slope(a)


def _rest(z: Array) -> Array:
    return rest(z, jnp.log(z))
