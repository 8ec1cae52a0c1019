"""A network: a body, then a head."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
from flax import linen as nn

from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event


class Network(nn.Module):
    """head(body(x, embed(c))): an encoder, x to q(z|x), or a decoder, z to p(x|z).

        encoder = Network(MLP((200, 200)), GaussianHead((16,)))
        decoder = Network(MLP((200, 200)), BernoulliHead((28, 28, 1)))

    Args:
      body: (x, c=None) -> features. Without a condition any module of one argument will do.
      head: features -> distribution.
      embed: the condition -> a vector [Dc], e.g. `one_hot(10)` for a label, `nn.Embed(10, 8)` for a
        learned table, or `lambda c: c` if it is a vector already; None without a condition.
    """

    body: nn.Module
    head: nn.Module
    embed: Callable[[Any], Array] | None = None

    @nn.compact
    def __call__(self, x: Event, c: Any = None) -> Distribution:
        """The distribution, given one example (or latent) x and its condition c.

        Raises:
          ValueError: if there is a condition and no `embed`, or `embed` and no condition.
        """
        if self.embed is None:
            if c is not None:
                raise ValueError(
                    "This network takes no condition: give it embed=..., or leave c out."
                )
            return self.head(self.body(x))
        if c is None:
            raise ValueError("This network needs a condition: pass c, or leave embed out of it.")
        return self.head(self.body(x, self.embed(c)))


@cache
def one_hot(num_classes: int) -> Callable[[Array], Array]:
    """label [] (an integer in 0 .. num_classes - 1) -> its indicator vector [num_classes].

    A label out of range gives zeros. Equal arguments give the same function, so that networks made
    alike are equal.
    """
    return lambda label: jax.nn.one_hot(label, num_classes)
