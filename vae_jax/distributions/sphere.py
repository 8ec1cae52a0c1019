"""The unit sphere, and its uniform distribution."""

import math

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class UniformSphere(Distribution):
    """Uniform on the unit sphere of R^D, which has D - 1 dimensions.

        log p(z) = -log area,   area = 2 pi^(D/2) / Gamma(D/2)

    Args:
      size: D >= 2, of an event [D]; `UniformSphere(11)` is on S^10.
    """

    size: int = flax.struct.field(pytree_node=False)

    reparameterized = False
    base_measure = "sphere"
    support = "takes vectors of length 1"

    def log_area(self) -> float:
        """The logarithm of the sphere's area."""
        return math.log(2) + self.size / 2 * math.log(math.pi) - math.lgamma(self.size / 2)

    def mean(self) -> Array:
        """0, which is not on the sphere."""
        return jnp.zeros(self.size)

    def in_support(self, value: Array) -> Array:
        """A vector of length 1, to the rounding of float32."""
        return on_sphere(value)

    def _sample(self, key: Key) -> Array:
        check_size("UniformSphere", self.size)
        return unit(jax.random.normal(key, (self.size,)))

    def _log_prob(self, value: Array) -> Array:
        check_shape("UniformSphere", value, (self.size,))
        return jnp.where(on_sphere(value), -self.log_area(), -jnp.inf)


def on_sphere(value: Array) -> Array:
    """Whether a vector is of length 1, to the rounding of float32, [] bool."""
    return jnp.abs(jnp.sum(jnp.asarray(value) ** 2) - 1) < 1e-4


def unit(vector: Array) -> Array:
    """The direction of a vector, of any length; of 0 some direction."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector)))
    nothing = largest == 0
    scaled = vector / jnp.where(nothing, 1.0, largest)
    scaled = jnp.where(nothing, 1.0, scaled)
    return scaled / jnp.sqrt(jnp.sum(scaled**2))


def beside(key: Key, direction: Array) -> Array:
    """A unit vector, uniform among those at a right angle to a unit vector [D], and a smooth
    function of it."""
    noise = jax.random.normal(key, direction.shape, direction.dtype)
    for _ in range(2):  # once more for what rounding leaves
        noise = unit(noise - jnp.sum(noise * direction) * direction)
    return noise


def check_size(name: str, size: int) -> None:
    """ValueError unless the sphere is that of R^2 or more."""
    if size < 2:
        raise ValueError(f"{name} is on the sphere of R^D, D at least 2; got D = {size}.")


def concentration(log_concentration: Array) -> Array:
    """exp(log_concentration), cut off at e^-40 and e^40."""
    return jnp.exp(jnp.clip(log_concentration, -40.0, 40.0))
