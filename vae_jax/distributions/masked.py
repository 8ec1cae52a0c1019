"""Events of which a part is not there: padding, missing values."""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure
from vae_jax.types import Array, Event, Key


class Masked(Distribution):
    """A distribution over the values that a mask leaves; the others count 0 nats.

        log p(x) = sum_i  mask_i log p_i(x_i),   log p_i the factors of the distribution

    For sequences of several lengths in arrays of one, mask_t = t < length, and for values that are
    missing. It is the density of the values inside; those outside are padding, of which anything is
    taken, and which `sample` and `mean` fill as the distribution does. Where the factors are not
    those of independent variables (an autoregressive one), the mask has to be such that none inside
    depends on a value outside, as that of a length is.

    Args:
      distribution: one whose log-density is a sum of factors (`log_prob_factors`).
      mask: bool, a leading part of the factors' shape: [T] or [T, D] for factors [T, D]; of an
        event that is a tree one for all, or a tree of them.
    """

    distribution: Distribution
    mask: Any

    support = "asks the distribution that it masks, and of the values inside of the mask alone"

    @property
    def reparameterized(self) -> bool:
        """That of what is masked."""
        return self.distribution.reparameterized

    @property
    def independent(self) -> bool:
        """That of what is masked."""
        return self.distribution.independent

    @property
    def base_measure(self) -> Measure:
        """That of what is masked."""
        return self.distribution.base_measure

    def mean(self) -> Event:
        """That of what is masked, outside of the mask too."""
        return self.distribution.mean()

    def in_support(self, value: Event) -> Array:
        """The values inside of the mask in the support of what is masked."""
        filling = self.distribution.sample(jax.random.key(0))  # any values that are in it
        return self.distribution.in_support(inside(self.mask, value, filling))

    def _sample(self, key: Key) -> Event:
        return self.distribution.sample(key)

    def _log_prob(self, value: Event) -> Array:
        factors = jax.tree.leaves(self._log_prob_factors(value))
        return jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in factors]))

    def _log_prob_factors(self, value: Event) -> Event:
        factors = self.distribution.log_prob_factors(value)
        return inside(self.mask, factors, jax.tree.map(jnp.zeros_like, factors))


def inside(mask: Any, values: Event, others: Event) -> Event:
    """The values inside of the mask, and the others outside of it."""

    def choose(own: Array, *parts: Event) -> Event:
        return jax.tree.map(lambda a, b: jnp.where(_spread(own, jnp.shape(a)), a, b), *parts)

    return jax.tree.map(choose, mask, values, others)


def _spread(mask: Array, shape: tuple[int, ...]) -> Array:
    """The mask with as many axes as what it masks."""
    given = jnp.shape(mask)
    if not jnp.issubdtype(jnp.result_type(mask), jnp.bool_):
        raise TypeError(
            f"A mask is bool, True where values are there; got {jnp.result_type(mask)}: mask > 0."
        )
    if given != shape[: len(given)]:
        raise ValueError(
            f"A mask of shape {given} is no leading part of the shape {shape} of what it masks: it"
            " needs one truth value for each factor, or for each place along their first axes."
        )
    return jnp.expand_dims(mask, range(len(given), len(shape)))
