"""Heads of classes as latents."""

from flax import linen as nn
from flax.typing import Dtype

from vae_jax.distributions import OneHot
from vae_jax.networks.project import project
from vae_jax.types import Array


class OneHotHead(nn.Module):
    """Features to rows of zeros and a single 1, for latents that are classes.

    Args:
      event_shape: of the variables, N of them: (N,).
      num_classes: K of each; an event is [N, K].
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    num_classes: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> OneHot:
        """OneHot over [*event_shape, K]."""
        shape = (*self.event_shape, self.num_classes)
        return OneHot(project(features, shape, name="logits", dtype=self.dtype))
