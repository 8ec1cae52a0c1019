"""How the weight of the rate rises."""

import jax.numpy as jnp
import optax

from vae_jax.types import Array


def linear(beta: float, steps: int) -> optax.Schedule:
    """From 0 to beta, then beta."""
    return optax.linear_schedule(0.0, beta, steps)


def cyclical(beta: float, steps: int) -> optax.Schedule:
    """From 0 to beta, as long beta, and again (Fu et al. 2019, arXiv 1903.10145)."""

    def weight(step: Array) -> Array:
        return beta * jnp.minimum(jnp.mod(step, 2 * steps) / steps, 1.0)

    return weight


RISES = {"linear": linear, "cyclical": cyclical}
