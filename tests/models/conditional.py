"""Models of a condition, for the tests of their priors."""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from vae_jax import Gaussian, vae
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot

B = 8
X = (np.random.default_rng(0).random((B, 5)) < 0.4).astype(np.float32)
C = (np.arange(B) % 3).astype(np.int32)
DECODER = Network(MLP((4,)), BernoulliHead((5,)))


class OfCondition(nn.Module):
    """p(z|c) = N(a row of a table, 1), and dropout."""

    dropout: float = 0.0

    @nn.compact
    def __call__(self, c=None):
        loc = nn.Embed(3, 2)(c)
        loc = nn.Dropout(self.dropout, deterministic=not self.has_rng("dropout"))(loc)
        return Gaussian(loc, jnp.zeros(()))


def conditional(prior):
    encoder = Network(MLP((4,)), GaussianHead((2,)), one_hot(3))
    return vae(encoder, Network(MLP((4,)), BernoulliHead((5,)), one_hot(3)), prior)
