"""A head of metrics."""

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.distributions.base import at_least_float32
from vae_jax.distributions.full_gaussian import below_diagonal
from vae_jax.networks.project import project
from vae_jax.types import Array


class MetricHead(nn.Module):
    """Features to a lower triangular matrix with a positive diagonal, of which a metric is made.

    Args:
      size: D, of a latent [D].
      dtype: of the arithmetic of the layer.
    """

    size: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """[D, D]."""
        shape = (self.size, self.size)
        found = project(jnp.ravel(features), shape, name="factor", dtype=self.dtype)
        own = at_least_float32(found)
        return below_diagonal(own) + jnp.diag(jnp.exp(jnp.diagonal(own)))
