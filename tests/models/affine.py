"""A module that is one affine map."""

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import Gaussian


class Affine(nn.Module):
    """N(W y + b, exp(log_scale)^2) over events of `shape`, y [...]."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, y, c=None):
        normal = nn.initializers.normal(0.5)
        kernel = self.param("kernel", normal, (*self.shape, *jnp.shape(y)))
        bias = self.param("bias", normal, self.shape)
        log_scale = self.param("log_scale", nn.initializers.zeros, ())
        return Gaussian(jnp.tensordot(kernel, y, jnp.ndim(y)) + bias, log_scale)
