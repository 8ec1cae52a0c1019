"""Masked dense layers: of each value, what those before it say."""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from vae_jax.networks.init import Activation, default_init
from vae_jax.types import Array


class MaskedMLP(nn.Module):
    """A vector and a context to numbers for each value, told by the context and those before it.

    Each unit of a hidden layer has a place among the values, 0 .. D - 1, and is told those before
    it; so the units of place 0 are told the context alone, by which the first value goes too. The
    context is added in the first layer. It begins at zeros, whatever it is told.

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
        for number, width in enumerate(self.widths):
            own = np.arange(width) * self.event_size // width
            features = self._layer(f"hidden_{number}", features, own[None] >= told[:, None], init)
            if number == 0 and context is not None:
                features = features + nn.Dense(width, use_bias=False, name="context")(context)
            features, told = self.activation(features), own
        mask = np.repeat(places[None] >= told[:, None], self.outputs, axis=1)
        raw = self._layer("out", features, mask, nn.initializers.zeros)
        return raw.reshape(self.event_size, self.outputs)

    def _layer(
        self, name: str, features: Array, mask: np.ndarray, init: nn.initializers.Initializer
    ) -> Array:
        kernel = self.param(f"{name}_kernel", init, mask.shape)
        bias = self.param(f"{name}_bias", nn.initializers.zeros, mask.shape[1:])
        return features @ jnp.where(mask, kernel, 0.0) + bias
