"""Independent Bernoulli variables."""

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class Bernoulli(Distribution):
    """Independent binary variables, x_d = 1 with probability sigmoid(logits_d).

        log p(x) = sum_d  x_d log sigmoid(l_d) + (1 - x_d) log sigmoid(-l_d),   l = logits

    Finite and right at any finite logit: there is no sigmoid inside a log, and no clipping.
    Defined for x in {0, 1} only: a grey level in (0, 1) would give a number that is no
    log-probability (`in_support` says so; draw binary pixels with `vae_jax.data.binarise`).

    Args:
      logits: log p / (1 - p), the event's shape.
    """

    logits: Array

    reparameterized = False
    support = (
        "takes the values 0 and 1. For grey levels, draw binary pixels from them"
        " (vae_jax.data.binarise), or use a density on [0, 1], such as the continuous Bernoulli"
        " (Loaiza-Ganem, Cunningham 2019, arXiv 1907.06845)"
    )

    def _sample(self, key: Key) -> Array:
        draw = jax.random.bernoulli(key, jax.nn.sigmoid(self.logits))
        return draw.astype(self.logits.dtype)

    def _log_prob(self, value: Array) -> Array:
        check_shape("Bernoulli", value, self.logits.shape)
        logits = jnp.ravel(self.logits)  # a last axis of one channel would not be vectorised
        x = jnp.ravel(value).astype(logits.dtype)
        # -log sigmoid(l) = max(-l, 0) + log1p(exp(-|l|)); the second part serves both values of x.
        # By maxima alone: they halve their derivative at a tie, so that at l = 0 it is x - 1/2.
        surprise = x * jnp.maximum(-logits, 0) + (1 - x) * jnp.maximum(logits, 0)
        return -jnp.sum(surprise + jnp.log1p(jnp.exp(-jnp.maximum(logits, -logits))))

    def mean(self) -> Array:
        """sigmoid(logits)."""
        return jax.nn.sigmoid(self._promoted().logits)

    def in_support(self, value: Array) -> Array:
        """Every value 0 or 1."""
        return jnp.all((value == 0) | (value == 1))
