"""Von Mises-Fisher: the Gaussian of a sphere."""

import math
from functools import partial

import jax
import jax.numpy as jnp

from vae_jax.distributions import implicit
from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.bessel import log_bessel
from vae_jax.distributions.sphere import beside, check_size, concentration, on_sphere, unit
from vae_jax.types import Array, Key

_LEAST = 1e-12  # an angle


class VonMisesFisher(Distribution):
    """Around a direction on the unit sphere of R^D, which has D - 1 dimensions.

        log p(z) = k mu . z - log integral,  mu = direction / |direction|,  k = e^log_concentration
        integral = (2 pi)^(D/2) I_{D/2-1}(k) k^{1-D/2}

    A draw has an angle to mu, of the inverse of its distribution for D = 3, and else by rejection
    (Wood 1994); and, that given, any direction at a right angle to mu. The angle's derivative is
    implicit, -dF/dk / p(angle), whichever way it was drawn: exact, and with no correction to the
    gradient of an expectation.

    Args:
      direction: [D], D >= 2, of any length.
      log_concentration: []; cut off at -40 and 40.

    Reference: Davidson et al. 2018, arXiv 1804.00891; Figurnov, Mohamed, Mnih 2018, arXiv
    1805.08498 (the derivative).
    """

    direction: Array
    log_concentration: Array

    reparameterized = True
    base_measure = "sphere"
    support = "takes vectors of length 1"

    def entropy(self) -> Array:
        """-E[log p(z)], [] nats."""
        own = self._promoted()
        log_integral, less = _log_integral(own.direction.size, concentration(own.log_concentration))
        return log_integral + less

    def mean(self) -> Array:
        """E[z], inside of the sphere: mu I_{D/2}(k) / I_{D/2-1}(k)."""
        own = self._promoted()
        k = concentration(own.log_concentration)
        return unit(own.direction) * (1 - _log_integral(own.direction.size, k)[1] / k)

    def in_support(self, value: Array) -> Array:
        """A vector of length 1, to the rounding of float32."""
        return on_sphere(value)

    def _sample(self, key: Key) -> Array:
        return self._sample_and_log_prob(key)[0]

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        check_size("VonMisesFisher", self.direction.size)
        k, mu = concentration(self.log_concentration), unit(self.direction)
        angle_key, beside_key = jax.random.split(key)
        angle = _of_concentration(mu.size, _angle(angle_key, mu.size, k), k)
        value = jnp.cos(angle) * mu + jnp.sin(angle) * beside(beside_key, mu)
        return value, self._log_density(2 * jnp.sin(angle / 2) ** 2)

    def _log_prob(self, value: Array) -> Array:
        check_shape("VonMisesFisher", value, self.direction.shape)
        check_size("VonMisesFisher", self.direction.size)
        fall = 0.5 * jnp.sum((value - unit(self.direction)) ** 2)  # 1 - mu . z, without a loss
        return jnp.where(on_sphere(value), self._log_density(fall), -jnp.inf)

    def _log_density(self, fall: Array) -> Array:
        k = concentration(self.log_concentration)
        return -k * fall - _log_integral(self.direction.size, k)[0]


def _log_integral(size: int, k: Array) -> tuple[Array, Array]:
    """log of the integral of exp(k (mu . z - 1)), and k (1 - E[mu . z])."""
    log_i, less = log_bessel(size / 2 - 1, k)
    return size / 2 * math.log(2 * math.pi) + log_i, less


def _angle(key: Key, size: int, k: Array) -> Array:
    """A draw of the angle to mu, without a derivative."""
    k = jax.lax.stop_gradient(k)
    fall = _inverse(key, k) if size == 3 else _rejection(key, size, k)
    return jnp.clip(2 * jnp.arcsin(jnp.sqrt(jnp.clip(fall / 2, 0, 1))), _LEAST, math.pi - 1e-6)


def _inverse(key: Key, k: Array) -> Array:
    """1 - mu . z for D = 3."""
    return -jnp.log1p(jax.random.uniform(key, (), k.dtype) * jnp.expm1(-2 * k)) / k


def _rejection(key: Key, size: int, k: Array) -> Array:
    """1 - mu . z by Wood 1994, in quantities that keep their digits: b is no difference."""
    m = size - 1
    b = m / (2 * k + jnp.sqrt(4 * k**2 + m**2))
    least = 2 * b / (1 + b)

    def propose(carry: tuple[Key, Array, Array]) -> tuple[Key, Array, Array]:
        key, own, accept = jax.random.split(carry[0], 3)
        # (1 +- t) / 2, t a coordinate of a point of the sphere: Beta(m/2, m/2)
        noise = jax.random.normal(own, (size,), k.dtype)
        length = jnp.sqrt(jnp.sum(noise**2))
        small = 0.5 * jnp.sum(noise[1:] ** 2) / (length * (length + jnp.abs(noise[0])))
        z = jnp.where(noise[0] < 0, small, 1 - small)
        rest = jnp.where(noise[0] < 0, 1 - small, small)
        fall = 2 * b * z / (rest + b * z)
        ratio = (least + fall - least * fall) / (least * (2 - least))
        log_u = jnp.log(jax.random.uniform(accept, (), k.dtype))
        return key, fall, k * (least - fall) + m * jnp.log(ratio) >= log_u

    first = (key, jnp.ones_like(k), jnp.zeros((), bool))
    return jax.lax.while_loop(lambda carry: ~carry[2], propose, first)[1]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_concentration(size: int, angle: Array, k: Array) -> Array:
    """The angle, with its derivative in the concentration."""
    del size, k
    return angle


@_of_concentration.defjvp
def _of_concentration_jvp(size: int, at: tuple, moved: tuple) -> tuple[Array, Array]:
    angle, k = at
    return angle, _slope(size, angle, k) * moved[1]


def _slope(size: int, angle: Array, k: Array) -> Array:
    """d angle / dk, of log p(t) = k cos t + (D-2) log sin t - log Z."""
    away = log_bessel(size / 2 - 1, k)[1] / k  # 1 - E[cos t]
    falls = k * (1 - away) + (size - 2) / (away * (2 - away))

    def log_ratio(t: Array) -> Array:
        turn = 2 * k * jnp.sin((angle + t) / 2) * jnp.sin((angle - t) / 2)
        return turn + (size - 2) * jnp.log(jnp.sin(t) / jnp.sin(angle))

    return implicit.slope(
        angle,
        2 * jnp.sin(angle / 2) ** 2 < away,
        12 / jnp.sqrt(falls + 0.05),
        (0.0, math.pi),
        lambda t: away - 2 * jnp.sin(t / 2) ** 2,
        log_ratio,
    )
