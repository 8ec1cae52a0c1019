"""Masked dense layers: of each value, what those before it say."""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.networks.init import Activation, default_init, spread_bias
from vae_jax.types import Array


class MaskedMLP(nn.Module):
    """A vector and a context to numbers for each value, told by the context and those before it.

    Each unit of a hidden layer has a place among the values, and is told those before it: 0 .. D-1
    where there is a context, so that the units of place 0 are told that alone, by which the first
    value goes too; without one 1 .. D-1. The context is added in the first layer. It begins at
    zeros, whatever it is told.

    Args:
      event_size: D.
      outputs: numbers for each value.
      widths: units of each hidden layer, at least one; D or more of them tell each value all.
      activation: of the hidden layers.

    Reference: Germain, Gregor, Murray, Larochelle 2015, arXiv 1502.03509 (MADE), section 4.
    """

    event_size: int
    outputs: int
    widths: tuple[int, ...] = (64,)
    activation: Activation = nn.relu

    @nn.compact
    def __call__(self, u: Array, context: Array | None = None) -> Array:
        """[event_size, outputs] of u, [event_size], and the context, [F] or none."""
        places, init = np.arange(self.event_size), default_init(self.activation)
        features, told = u, places + 1  # by a value: the places after it
        first = 1 if context is None and self.event_size > 1 else 0
        for number, width in enumerate(self.widths):
            own = first + np.arange(width) * (self.event_size - first) // width
            mask = own[None] >= told[:, None]
            features = self._layer(f"hidden_{number}", features, mask, init, spread_bias)
            if number == 0 and context is not None:
                features = features + nn.Dense(width, use_bias=False, name="context")(context)
            features, told = self.activation(features), own
        mask = np.repeat(places[None] >= told[:, None], self.outputs, axis=1)
        raw = self._layer("out", features, mask, nn.initializers.zeros)
        return raw.reshape(self.event_size, self.outputs)

    def _layer(
        self,
        name: str,
        features: Array,
        mask: np.ndarray,
        init: Initializer,
        bias_init: Initializer = nn.initializers.zeros,
    ) -> Array:
        kernel = self.param(f"{name}_kernel", init, mask.shape)
        bias = self.param(f"{name}_bias", bias_init, mask.shape[1:])
        return features @ jnp.where(mask, kernel, 0.0) + bias
