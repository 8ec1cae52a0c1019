"""Directions: vectors without their lengths, where a length may be 0."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def unit(vector: Array) -> tuple[Array, Array]:
    """vector / |vector| and |vector|; of 0, whose derivative is then 0 too, 0 and 1.

    Divided by its largest value first, whose square might be 0 or infinite.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(vector)))
    largest = jnp.where(largest > 0, largest, 1.0)
    scaled = vector / largest
    squared = scaled @ scaled
    length = jnp.sqrt(jnp.where(squared > 0, squared, 1.0))
    return scaled / length, largest * length
