"""Independent parts, as one distribution."""

import operator
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution
from vae_jax.types import Array, Event, Key


class Joint(Distribution):
    """Independent distributions side by side; the event is a tuple or dict like `parts`.

        log p(x) = sum_i log p_i(x_i)

    For data with several kinds of parts (an image and a label), or several groups of latents.

    Args:
      parts: a tuple or a dict of distributions.
    """

    parts: Any

    @property
    def reparameterized(self) -> bool:
        """True if every part is."""
        return all(part.reparameterized for part in self._leaves())

    def _sample(self, key: Key) -> Event:
        parts, tree = jax.tree.flatten(self.parts, is_leaf=_is_part)
        keys = jax.random.split(key, len(parts))
        draws = [part.sample(k) for part, k in zip(parts, keys, strict=True)]
        return jax.tree.unflatten(tree, draws)

    def _log_prob(self, value: Event) -> Array:
        return reduce(operator.add, self._each(lambda part, x: part.log_prob(x), value))

    def mean(self) -> Event:
        """The parts' means."""
        return jax.tree.map(lambda part: part.mean(), self.parts, is_leaf=_is_part)

    def in_support(self, value: Event) -> Array:
        """Every part in its own support."""
        return reduce(operator.and_, self._each(lambda part, x: part.in_support(x), value))

    def _leaves(self) -> list[Distribution]:
        return jax.tree.leaves(self.parts, is_leaf=_is_part)

    def _each(self, f: Any, value: Event) -> list[Array]:
        try:
            return jax.tree.leaves(jax.tree.map(f, self.parts, value, is_leaf=_is_part))
        except ValueError as error:
            parts = jax.tree.map(lambda part: type(part).__name__, self.parts, is_leaf=_is_part)
            given = jax.tree.map(jnp.shape, value)
            raise ValueError(
                f"Joint of {parts} was given a value of the shapes {given}: {error}"
            ) from error


def _is_part(node: Any) -> bool:
    return isinstance(node, Distribution)
