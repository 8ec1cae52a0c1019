"""Independent parts, as one distribution."""

import operator
from functools import reduce
from typing import Any, Self

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure, common_measure
from vae_jax.types import Array, Event, Key


class Joint(Distribution):
    """Independent distributions side by side; the event is a tuple or dict like `parts`.

        log p(x) = sum_i log p_i(x_i)

    For data with several kinds of parts (an image and a label), or several groups of latents.

    Args:
      parts: a tuple or a dict of distributions.

    Raises:
      ValueError: no parts.
    """

    parts: Any

    def __post_init__(self) -> None:
        if not self._leaves():
            raise ValueError(
                "Joint needs at least one part, such as Joint({'x': Gaussian(loc, log_scale)});"
                f" got {self.parts!r}."
            )

    @property
    def reparameterized(self) -> bool:
        """True if every part is."""
        return all(part.reparameterized for part in self._leaves())

    @property
    def independent(self) -> bool:
        """True if every part is."""
        return all(part.independent for part in self._leaves())

    @property
    def base_measure(self) -> Measure:
        """The parts' one, or, where they differ, the tree of theirs."""
        return common_measure(
            jax.tree.map(lambda part: part.base_measure, self.parts, is_leaf=is_part)
        )

    def _sample(self, key: Key) -> Event:
        return self._drawn(lambda part, k: part.sample(k), key)

    def _log_prob(self, value: Event) -> Array:
        return reduce(operator.add, self._each(lambda part, x: part.log_prob(x), value))

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        drawn = self._drawn(lambda part, k: part.sample_and_log_prob(k), key)
        value, log_p = (
            jax.tree.map(lambda _, pair, i=i: pair[i], self.parts, drawn, is_leaf=is_part)
            for i in (0, 1)
        )
        return value, reduce(operator.add, jax.tree.leaves(log_p))

    def _log_prob_factors(self, value: Event) -> Event:
        return self._mapped(lambda part, x: part.log_prob_factors(x), value)

    def mean(self) -> Event:
        """The parts' means."""
        return jax.tree.map(lambda part: part.mean(), self.parts, is_leaf=is_part)

    def in_support(self, value: Event) -> Array:
        """Every part in its own support."""
        return reduce(operator.and_, self._each(lambda part, x: part.in_support(x), value))

    def _promoted(self) -> Self:
        return self  # each part promotes its own parameters

    def _leaves(self) -> list[Distribution]:
        return jax.tree.leaves(self.parts, is_leaf=is_part)

    def _drawn(self, draw: Any, key: Key) -> Any:
        """Like `parts`, with what `draw` makes of each and of a key of its own."""
        parts, tree = jax.tree.flatten(self.parts, is_leaf=is_part)
        keys = jax.random.split(key, len(parts))
        return jax.tree.unflatten(tree, [draw(*each) for each in zip(parts, keys, strict=True)])

    def _each(self, f: Any, value: Event) -> list[Array]:
        return jax.tree.leaves(self._mapped(f, value))

    def _mapped(self, f: Any, value: Event) -> Any:
        try:
            return jax.tree.map(f, self.parts, value, is_leaf=is_part)
        except ValueError as error:
            parts = jax.tree.map(lambda part: type(part).__name__, self.parts, is_leaf=is_part)
            given = jax.tree.map(jnp.shape, value)
            raise ValueError(
                f"Joint of {parts} was given a value of the shapes {given}: {error}"
            ) from error


def is_part(node: Any) -> bool:
    """Whether a node of the tree of parts is a part."""
    return isinstance(node, Distribution)
