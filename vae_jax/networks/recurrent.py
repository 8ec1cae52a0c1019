"""Recurrent networks of sequences."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.bodies import drop
from vae_jax.networks.sequences import known
from vae_jax.types import Array


class RecurrentEncoder(nn.Module):
    """A sequence to a feature vector: what a recurrent cell holds at its end, and at its beginning.

    Each layer goes through the sequence in both directions; the next reads both.

    Args:
      width: of each direction.
      layers: of them.
      cell: `nn.GRUCell`, `nn.OptimizedLSTMCell`, or another cell of flax.
      dropout, dtype: as in `MLP`; dropout is between the layers, and of the features.

    Reference: Cho et al. 2014, arXiv 1406.1078 (GRU); Hochreiter & Schmidhuber 1997 (LSTM).
    """

    width: int = 128
    layers: int = 1
    cell: Callable[..., nn.RNNCellBase] = nn.GRUCell
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """Features [2 width] of x [T, D], of which c are no padding; of none of them, zeros."""
        h, inside = known(x, c, self.dtype)
        length, last = jnp.sum(inside), []
        for _ in range(self.layers):
            both = [self._through(h, length, reverse) for reverse in (False, True)]
            h = drop(self, jnp.concatenate([outputs for outputs, _ in both], axis=-1))
            last = [end for _, end in both]
        return drop(self, jnp.where(length > 0, jnp.concatenate(last), 0))

    def _through(self, h: Array, length: Array, reverse: bool) -> tuple[Array, Array]:
        """The outputs [T, width] of one direction, in the order of the sequence, and the last."""
        cell = self.cell(self.width, dtype=self.dtype)
        rnn = nn.RNN(cell, return_carry=True, reverse=reverse, keep_order=True)
        carry, outputs = rnn(h[None], seq_lengths=jnp.maximum(length, 1)[None])
        return outputs[0], jax.tree.leaves(carry)[-1][0]  # of an LSTM (cell, output)
