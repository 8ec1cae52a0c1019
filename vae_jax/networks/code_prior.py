"""A prior of codes: their indices one after the other."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.distributions import Autoregressive
from vae_jax.networks.autoregressive import AutoregressiveHead
from vae_jax.networks.heads import CategoricalHead
from vae_jax.networks.preprocess import one_hot
from vae_jax.networks.transformer import CausalTransformer
from vae_jax.types import Array, Event


class CodeTransformer(nn.Module):
    """Indices of codes by a causal Transformer: position after position, part after part.

        p(k) = prod_t p(k_t | k_1 .. k_t-1, c),   t = 1 .. T, the T = N P parts of N positions

    For `models.with_code_prior`, and what `train.fit_code_prior` fits.

    Args:
      length: T.
      num_codes: K.
      width, layers, heads, dropout: of the Transformer.
      embed: of a condition c, a vector [Dc]; None of none.
    """

    length: int
    num_codes: int
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    embed: Callable[[Any], Array] | None = None

    @nn.compact
    def __call__(self, c: Event = None) -> Autoregressive:
        """Autoregressive over [T] integers."""
        how: dict[str, Any] = {"layers": self.layers, "heads": self.heads, "dropout": self.dropout}
        # parent=None: they are the head's, where flax would make them this module's
        network = CausalTransformer(self.length, self.width, **how, parent=None)
        head = CategoricalHead((self.length,), self.num_codes, parent=None)
        features = jnp.zeros(1) if self.embed is None else self.embed(c)
        return AutoregressiveHead(network, head, one_hot(self.num_codes))(features)
