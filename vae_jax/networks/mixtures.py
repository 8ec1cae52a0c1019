"""Mixtures that are learned."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from vae_jax.distributions import Gaussian, Mixture
from vae_jax.networks.scales import FLOOR, soft_floor
from vae_jax.types import Event


class LearnedMixture(nn.Module):
    """A mixture of C diagonal Gaussians with parameters of its own: a prior that is learned.

        p(z) = sum_c softmax(logits)_c N(z | loc_c, exp(log_scale_c)^2)

    It begins at equal weights, the means drawn from N(0, I), the scales 1. Of a posterior under it
    the rate has no closed form: `sampled_rate`.

    Args:
      num_components: C.
      event_size: dimensions of z.
      floor: soft lower bound of log_scale; None for none.

    Reference: as the learned mixture that Tomczak, Welling 2018, arXiv 1705.07120, compare with.
    """

    num_components: int
    event_size: int
    floor: float | None = FLOOR

    @nn.compact
    def __call__(self, c: Event = None) -> Mixture:
        """Mixture over [event_size], the same for all conditions."""
        del c
        shape = (self.num_components, self.event_size)
        logits = self.param("logits", nn.initializers.zeros, shape[:1])
        loc = self.param("loc", nn.initializers.normal(1.0), shape)
        raw = self.param("log_scale", nn.initializers.zeros, shape)
        return Mixture(logits, jax.vmap(Gaussian)(loc, jnp.asarray(soft_floor(raw, self.floor))))
