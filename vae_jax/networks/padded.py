"""Bodies of arrays of one shape, for sequences of several lengths."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.networks.sequences import known
from vae_jax.types import Array


class Padded(nn.Module):
    """A body that reads zeros in the place of padding, and the length beside them.

        encoder = Network(Padded(MLP((64,)), one_hot(T + 1)), head, lambda length: length)

    It is called as the encoders of sequences are: body(x, c), x [T, D], of which c are no padding.
    What the padding holds changes nothing, to the bit.

    Args:
      body: (x [T, D], vector) -> features: `MLP`, `GatedMLP`.
      embed: the length -> a vector [Dc], as in `Network`.
    """

    body: nn.Module
    embed: Callable[[Array], Array]

    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """The features of the body; without a length all is read."""
        read, _ = known(x, c, None)
        return self.body(read, self.embed(jnp.asarray(len(x)) if c is None else c))
