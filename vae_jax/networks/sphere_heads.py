"""Heads of latents on a sphere."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.distributions import PowerSpherical, VonMisesFisher
from vae_jax.distributions.base import at_least_float32
from vae_jax.networks.project import project
from vae_jax.types import Array


class VonMisesFisherHead(nn.Module):
    """Features to a von Mises-Fisher distribution, of a concentration above 1.

        k = 1 + softplus(a layer of the features)

    Args:
      size: D, of an event [D], on the unit sphere of R^D.
      dtype: of the arithmetic of the layers.

    Reference: Davidson et al. 2018, arXiv 1804.00891 (softplus + 1, in their code).
    """

    size: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> VonMisesFisher:
        """VonMisesFisher over [D]."""
        return VonMisesFisher(*_around(features, self.size, self.dtype))


class PowerSphericalHead(nn.Module):
    """Features to a power spherical distribution, of a concentration above 1.

    Args:
      size, dtype: as of a `VonMisesFisherHead`.
    """

    size: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> PowerSpherical:
        """PowerSpherical over [D]."""
        return PowerSpherical(*_around(features, self.size, self.dtype))


def _around(features: Array, size: int, dtype: Dtype | None) -> tuple[Array, Array]:
    """A direction, and the log of a concentration, in a compact method."""
    features = jnp.ravel(features)
    direction = project(features, (size,), name="direction", dtype=dtype)
    spread = project(features, (), name="concentration", dtype=dtype)
    return direction, jnp.log1p(jax.nn.softplus(at_least_float32(spread)))
