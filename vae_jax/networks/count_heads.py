"""Heads of counts."""

from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.distributions import Poisson
from vae_jax.networks.init import where_made
from vae_jax.networks.project import project
from vae_jax.types import Array


class PoissonHead(nn.Module):
    """Features to independent counts.

    To begin at the data's own means m, [prod(event_shape)], from a feature vector:
    `bias_init=lambda key, shape, dtype: jnp.log(m)`.

    Args:
      event_shape: the shape of one event.
      bias_init: initializer of the bias of the log-rates, as in `BernoulliHead`.
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Poisson:
        """Poisson over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        return Poisson(project(features, self.event_shape, name="log_rate", **layer))
