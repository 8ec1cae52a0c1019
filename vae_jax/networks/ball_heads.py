"""Heads of latents in hyperbolic space."""

from dataclasses import field

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.distributions import RiemannianNormal, WrappedNormal
from vae_jax.networks.project import project
from vae_jax.networks.scales import PredictedScale
from vae_jax.types import Array


class WrappedNormalHead(nn.Module):
    """Features to a Gaussian wrapped around the Poincare ball.

    Args:
      size: D, of an event [D].
      curvature: c of the ball's curvature -c.
      scale: (features, shape) -> log_scale, as in `GaussianHead`.
      dtype: of the arithmetic of the layer of loc.
    """

    size: int
    curvature: float = 1.0
    scale: nn.Module = field(default_factory=PredictedScale)
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> WrappedNormal:
        """WrappedNormal over [D]."""
        features = jnp.ravel(features)
        loc = project(features, (self.size,), name="loc", dtype=self.dtype)
        return WrappedNormal(loc, self.scale(features, (self.size,)), self.curvature)


class RiemannianNormalHead(nn.Module):
    """Features to a Riemannian normal of the Poincare ball, of one scale.

    Args:
      size, curvature, scale, dtype: as of a `WrappedNormalHead`.
    """

    size: int
    curvature: float = 1.0
    scale: nn.Module = field(default_factory=PredictedScale)
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> RiemannianNormal:
        """RiemannianNormal over [D]."""
        features = jnp.ravel(features)
        loc = project(features, (self.size,), name="loc", dtype=self.dtype)
        return RiemannianNormal(loc, self.scale(features, ()), self.curvature)
