"""Dilated causal convolutions of sequences."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.sequences import as_numbers, before, behind, check_sequence, with_gaps
from vae_jax.types import Array


class WaveNet(nn.Module):
    """A decoder of sequences: gated convolutions of two places each, ever further apart.

        h_t + W tanh(a) sigmoid(b),   a, b = U h_t-d + V h_t + S features

    What all layers skip over to the end is summed up. A place is told of the 1 + sum(dilations)
    before it: `dilations_of(T)` are as many as T takes.

    Args:
      dilations: d, of each layer: (1, 2, 4, 8).
      width: of the features.
      word_dropout: probability that a place is not told what is before it, in training.
      dtype: of the arithmetic, as in `MLP`.

    Reference: van den Oord et al. 2016, arXiv 1609.03499, sec. 2.
    """

    dilations: tuple[int, ...]
    width: int = 64
    word_dropout: float = 0.0
    dtype: Dtype | None = None

    axes = 1
    stepwise = True

    def __call__(self, features: Array, x: Array) -> Array:
        """The features of a latent [...], a sequence [T, D] -> [T, width]."""
        check_sequence(x)
        read = with_gaps(self, behind(as_numbers(x, self.dtype)))
        return self.run(features, read, self.begin(features, x))[0]

    def begin(self, features: Array, x: Array) -> list[Array]:
        """What each layer read last, [d, width]; nothing yet."""
        del features, x
        return [jnp.zeros((d, self.width), self.dtype or jnp.float32) for d in self.dilations]

    def step(
        self, features: Array, carried: list[Array], x: Array, place: Array
    ) -> tuple[list[Array], Array]:
        """What is carried on, and the features of one place, [width]."""
        read = before(as_numbers(x, self.dtype), place)
        made, carried = self.run(features, read, carried)
        return carried, made[0]

    @nn.compact
    def run(self, features: Array, read: Array, last: list[Array]) -> tuple[Array, list[Array]]:
        """The next n places, that read what is before them, [n, D]; `last` is of those before."""
        n, told = len(read), jnp.ravel(features)
        h, carried = self._dense(self.width)(read), []
        skipped = jnp.zeros_like(h)
        for earlier in last:
            line = jnp.concatenate([earlier, h])  # the place d before each, then the places
            both = jnp.concatenate([line[:n], h], axis=-1)
            inside = self._dense(2 * self.width)(both) + self._dense(2 * self.width)(told)[None]
            out = gate(inside)
            skipped = skipped + self._dense(self.width)(out)
            h = h + self._dense(self.width)(out)
            carried.append(line[n:])
        return nn.relu(self._dense(self.width)(nn.relu(skipped))), carried

    def _dense(self, width: int) -> nn.Dense:
        return nn.Dense(width, dtype=self.dtype)


def gate(inside: Array) -> Array:
    """tanh(a) sigmoid(b), of [..., 2 F] the halves a and b."""
    a, b = jnp.split(inside, 2, axis=-1)
    return jnp.tanh(a) * jax.nn.sigmoid(b)


def dilations_of(length: int) -> tuple[int, ...]:
    """1, 2, 4, ..., as many as let the last of T places be told of all before it."""
    reach, dilations = 1, list[int]()
    while reach < length - 1:
        dilations.append(2 ** len(dilations))
        reach += dilations[-1]
    return tuple(dilations) or (1,)
