"""A network: what is read, a body, a head."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.calls import check_takes
from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event


class Network(nn.Module):
    """head(body(preprocess(x), embed(c))): an encoder, x to q(z|x), or a decoder, z to p(x|z).

        encoder = Network(MLP((200, 200)), GaussianHead((16,)))
        decoder = Network(MLP((200, 200)), BernoulliHead((28, 28, 1)))

    Args:
      body: (x, c=None) -> features. Without a condition any module of one argument will do.
      head: features -> distribution.
      embed: the condition -> a vector [Dc], e.g. `one_hot(10)` for a label, `nn.Embed(10, 8)` for a
        learned table, or `lambda c: c` if it is a vector already; None without a condition. Labels
        are 0 .. K - 1: others give NaN, and `fit` refuses them. Where a label may be missing, -1,
        `one_hot(10, missing=True)` declares it.
      preprocess: the event -> what the body reads, for events that are not fit to be read:
        `centred(127.5, 127.5)` for bytes, `log1p` for counts, `one_hot(K)` for classes. None reads
        the event as it is.
    """

    body: nn.Module
    head: nn.Module
    embed: Callable[[Any], Array] | None = None
    preprocess: Callable[[Event], Event] | None = None

    def __call__(self, x: Event, c: Any = None) -> Distribution:
        """The distribution, given one example (or latent) x and its condition c.

        Raises:
          ValueError: if there is a condition and no `embed`, or `embed` and no condition.
          TypeError: `embed` or `preprocess` is no function of one argument.
        """
        if self.preprocess is None:
            return self.behind(x, c)
        check_takes("preprocess", self.preprocess, "x")
        return self.behind(self.preprocess(x), c)

    def behind(self, inputs: Event, c: Any = None) -> Distribution:
        """The distribution, given what the body reads: `preprocess(x)`, or inputs that are learned.

            network.apply({"params": params}, inputs, c, method="behind")

        Raises:
          ValueError: as a call does.
        """
        if self.embed is None:
            if c is not None:
                raise ValueError(
                    "This network takes no condition: give it embed=..., or leave c out."
                )
            return self.head(self.body(inputs))
        if c is None:
            raise ValueError("This network needs a condition: pass c, or leave embed out of it.")
        return self.head(self.body(inputs, _embedded(self.embed, c)))


def _embedded(embed: Callable[[Any], Array], c: Any) -> Array:
    """The vector of a condition; of a learned table, which would count negative labels from its
    end, NaN for those as for those beyond it."""
    check_takes("embed", embed, "c")
    vector = embed(c)
    if not isinstance(embed, nn.Embed):
        return vector
    return jnp.where(jnp.expand_dims(jnp.asarray(c) >= 0, -1), vector, jnp.nan)
