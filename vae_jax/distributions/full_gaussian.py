"""Gaussian with every covariance."""

import math

import jax
import jax.numpy as jnp

from vae_jax import triangular
from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.distributions.gaussian import inverse_root, standardized
from vae_jax.types import Array, Key

_LOG_2PI = math.log(2 * math.pi)


class FullGaussian(Distribution):
    """N(loc, S T T' S), S = diag(exp(log_scale)), T unit lower triangular.

        x = loc + s (T e),   e ~ N(0, I),   T = I + the part of `lower` below its diagonal
        log p(x) = -1/2 |T^-1 ((x - loc) / s)|^2 - sum_d log s_d - D/2 log 2 pi

    S T is the Cholesky factor of the covariance, so that any numbers are parameters, and with
    `lower` of 0 it is a `Gaussian`. exp(log_scale_d) is the standard deviation of x_d given those
    before it. For events of D up to some hundred: D^2 parameters, and D^2 operations a density.

    Args:
      loc: mean, the event's shape.
      log_scale: of the event's shape.
      lower: [D, D], D the size of an event; what is not below the diagonal is not looked at.
    """

    loc: Array
    log_scale: Array
    lower: Array

    reparameterized = True
    support = "takes every finite value"

    def _sample(self, key: Key) -> Array:
        return self._made_of(self._noise(key))

    def _log_prob(self, value: Array) -> Array:
        check_shape("FullGaussian", value, self.loc.shape)
        self._check_shapes()
        distance, log_scale = jnp.ravel(value - self.loc), jnp.ravel(self.log_scale)
        return _log_density(distance, log_scale, below_diagonal(self.lower))

    def _sample_and_log_prob(self, key: Key) -> tuple[Array, Array]:
        noise = self._noise(key)  # scored itself, as a Gaussian's
        constant = jnp.sum(self.log_scale) + 0.5 * noise.size * _LOG_2PI
        return self._made_of(noise), -0.5 * jnp.sum(noise**2) - constant

    def mean(self) -> Array:
        """loc."""
        return self._promoted().loc

    def _noise(self, key: Key) -> Array:  # [D]
        self._check_shapes()
        return jax.random.normal(key, (self.loc.size,), self.loc.dtype)

    def _made_of(self, noise: Array) -> Array:
        # A product: noise + sum(lower * noise, axis=1) is compiled wrongly by XLA for CPUs, where D
        # is odd and the batch large (jax 0.10.2). "highest", because accelerators round products.
        mixed = noise + jnp.dot(below_diagonal(self.lower), noise, precision="highest")
        return self.loc + jnp.exp(self.log_scale) * mixed.reshape(self.loc.shape)

    def _check_shapes(self) -> None:
        D = self.loc.size
        if self.log_scale.shape != self.loc.shape or self.lower.shape != (D, D):
            raise ValueError(
                f"FullGaussian: loc has shape {self.loc.shape}, log_scale {self.log_scale.shape}"
                f" and lower {self.lower.shape}; these must be {self.loc.shape} and {(D, D)}."
            )


def below_diagonal(lower: Array) -> Array:
    """The part of a matrix below its diagonal."""
    return jnp.where(jnp.tri(len(lower), k=-1, dtype=bool), lower, 0.0)


def solved(below: Array, right: Array) -> Array:
    """(I + below)^-1 right, [D] or [D, M]."""
    return triangular.solve(_unit(below), right)


def _unit(below: Array) -> Array:
    return below + jnp.eye(len(below), dtype=below.dtype)


@jax.custom_jvp
def _log_density(distance: Array, log_scale: Array, below: Array) -> Array:
    squares = jnp.sum(solved(below, standardized(distance, log_scale)) ** 2)
    # the difference of infinities that a solution may be made of is of a value that is impossible
    lost = jnp.isnan(squares) & jnp.all(jnp.isfinite(distance))
    squares = jnp.where(lost, jnp.inf, squares)
    return -0.5 * squares - jnp.sum(log_scale) - 0.5 * distance.size * _LOG_2PI


@_log_density.defjvp
def _log_density_jvp(
    at: tuple[Array, Array, Array], moved: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    # By hand: where the density is 0 its derivative is infinite, and has no part in anything.
    distance, log_scale, below = at
    d_distance, d_log_scale, d_below = moved
    log_p, root = _log_density(*at), inverse_root(log_scale)
    possible = log_p != -jnp.inf
    s = jnp.where(possible, standardized(distance, log_scale), 0.0)
    below = jnp.where(possible, below, 0.0)
    noise = solved(below, s)
    # e' T^-1, of a row: the derivative in s
    slope = triangular.solve(_unit(below), noise, transposed=True)
    by_below = jnp.sum(slope[:, None] * noise[None] * d_below)
    by_scale = jnp.sum((slope * s - 1) * d_log_scale)
    return log_p, by_scale + by_below - jnp.sum(slope * (d_distance * root * root))
