"""Distributions of other libraries."""

from collections.abc import Callable
from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, at_least_float32, check_shape
from vae_jax.types import Array, Event, Key


class Foreign(Distribution):
    """Another library's distribution in this library's clothes.

        log p(x) = sum over the event of  distribution.log_prob(x)

    Its factors are what `distribution.log_prob` leaves unsummed.

    With numpyro, say, whose `sample` is a sampler as it stands:

        from numpyro.distributions import Normal
        q = Foreign(Normal(loc, scale), Normal.sample, differentiable=True)

    One of flowjax, which has functions among its leaves, passes where it is made in `encode`, or is
    closed over; as an argument of a compiled function it takes equinox's `filter_jit`.

    Not a new lambda at each call: `jit` would trace anew each time.

    Args:
      distribution: a pytree with a method `log_prob(value)`, which may leave dimensions unsummed.
      sampler: (distribution, key) -> one event.
      differentiable: whether the sampler is so in the distribution's parameters (numpyro's
        `has_rsample`); this is what `reparameterized` then says.
      measure: its base measure: "volume", or "counts" for discrete values.
    """

    distribution: Any
    sampler: Callable[[Any, Key], Event] = flax.struct.field(pytree_node=False)
    differentiable: bool = flax.struct.field(pytree_node=False)
    measure: str = flax.struct.field(pytree_node=False, default="volume")

    @property
    def reparameterized(self) -> bool:
        """As declared."""
        return self.differentiable

    @property
    def base_measure(self) -> str:
        """As declared."""
        return self.measure

    def _promoted(self) -> Self:
        return jax.tree.map(_promoted, self)  # its integers may be counts, or indices

    def _sample(self, key: Key) -> Event:
        return self.sampler(self.distribution, key)

    def _log_prob(self, value: Event) -> Array:
        return jnp.sum(self._unsummed(value))

    def _log_prob_factors(self, value: Event) -> Array:
        factors = self._unsummed(value)
        if jnp.ndim(factors) == 0 and jnp.ndim(value) > 0:
            raise TypeError(
                f"{type(self.distribution).__name__} sums its log-density over all dimensions of"
                " the event: it has no factors."
            )
        return factors

    def _unsummed(self, value: Event) -> Array:
        event = jax.eval_shape(lambda: self.sampler(self.distribution, jax.random.key(0)))
        jax.tree.map(lambda leaf, x: check_shape("Foreign", x, leaf.shape), event, value)
        return self.distribution.log_prob(value)

    def in_support(self, value: Event) -> Array:
        """Every value finite, and the other library's density too. Some densities, numpyro's
        Uniform and Exponential among them, stay finite outside their support: they are believed."""
        return super().in_support(value) & jnp.isfinite(self.log_prob(value))


def _promoted(leaf: Any) -> Any:
    return at_least_float32(leaf) if hasattr(leaf, "dtype") else leaf  # of flowjax, functions
