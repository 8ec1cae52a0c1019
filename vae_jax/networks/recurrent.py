"""Recurrent networks of sequences."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.bodies import drop
from vae_jax.networks.sequences import as_numbers, before, behind, check_sequence, known, with_gaps
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


class CausalRecurrent(nn.Module):
    """A decoder of sequences: a cell reads what is before each place, and z beside it.

    Each layer goes through the sequence once; the next reads what it gives.

    Args:
      width: of each layer.
      layers: of them.
      cell: as in `RecurrentEncoder`.
      word_dropout: probability that a place is not told what is before it, in training.
      dropout, dtype: as in `MLP`; dropout is of what each layer gives.

    Reference: Bowman et al. 2016, arXiv 1511.06349, who tell z to the first place alone.
    """

    width: int = 128
    layers: int = 1
    cell: Callable[..., nn.RNNCellBase] = nn.GRUCell
    word_dropout: float = 0.0
    dropout: float = 0.0
    dtype: Dtype | None = None

    axes = 1
    stepwise = True

    def __call__(self, features: Array, x: Array) -> Array:
        """The features of a latent [...], a sequence [T, D] -> [T, width]."""
        check_sequence(x)
        read = with_gaps(self, behind(as_numbers(x, self.dtype)))
        return self.run(features, read, self.begin(features, x))[0]

    def begin(self, features: Array, x: Array) -> list[Any]:
        """What each cell holds before it has read anything."""
        del features, x
        cell = self.cell(self.width, parent=None)
        empty = cell.initialize_carry(jax.random.key(0), (self.width,))
        dtype = self.dtype or jnp.float32
        return [jax.tree.map(lambda leaf: leaf.astype(dtype), empty)] * self.layers

    def step(
        self, features: Array, carried: list[Any], x: Array, place: Array
    ) -> tuple[list[Any], Array]:
        """What is carried on, and the features of one place, [width]."""
        read = before(as_numbers(x, self.dtype), place)
        made, carried = self.run(features, read, carried)
        return carried, made[0]

    @nn.compact
    def run(self, features: Array, read: Array, held: list[Any]) -> tuple[Array, list[Any]]:
        """The next n places, that read what is before them, [n, D]; `held` by each cell."""
        told = nn.Dense(self.width, name="told", dtype=self.dtype)(jnp.ravel(features))
        h = nn.Dense(self.width, name="embed", dtype=self.dtype)(read) + told[None]
        ends = []
        for layer, start in enumerate(held):
            cell = self.cell(self.width, dtype=self.dtype, name=f"cell_{layer}")
            end, h = _through(cell, start, h)
            h = drop(self, h)
            ends.append(end)
        return h, ends


def _through(cell: nn.RNNCellBase, start: Any, h: Array) -> tuple[Any, Array]:
    """What the cell holds at the end, and what it gives at each place."""
    scan = nn.scan(
        lambda cell, held, x: cell(held, x),
        variable_broadcast="params",
        split_rngs={"params": False},
    )
    return scan(cell, start, h)
