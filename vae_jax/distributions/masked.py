"""Events of which a part is not there: padding, missing values."""

from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.autoregressive import Autoregressive
from vae_jax.distributions.base import Distribution, Measure
from vae_jax.distributions.joint import Joint, is_part
from vae_jax.types import Array, Event, Key


class Masked(Distribution):
    """A distribution over the values that a mask leaves; the others count 0 nats.

        log p(x) = sum_i  mask_i log p_i(x_i),   log p_i the factors of the distribution

    For sequences of several lengths in arrays of one, mask_t = t < length, and for values that are
    missing. It is the density of the values inside; those outside are padding, of which anything is
    taken, and which `sample` and `mean` fill as the distribution does, or with `filling`.

    To leave factors out is to integrate values out only where none inside depends on one outside.
    Of an `Autoregressive` that is the end of the event alone: it takes a length, and no other mask,
    within other masks and within a `Joint` too.
    (Of other distributions that are not `independent`, such as a `Layered`, it is for you to see.)

    Args:
      distribution: one whose log-density is a sum of factors (`log_prob_factors`).
      mask: bool, a leading part of the factors' shape: [T] or [T, D] for factors [T, D]; or an
        integer [], a length: how many are there along the first axis. Of an event that is a tree
        one for all, or a tree of them.
      filling: what draws and means have outside of the mask, by which padding can be known: -1, of
        classes; None for what the distribution has there.

    Raises (in what is asked of it):
      TypeError: a mask that is neither bool nor a length; of an `Autoregressive` one that is no
        length, and not one truth value for all.
      ValueError: a mask that is no leading part of the factors' shape.
    """

    distribution: Distribution
    mask: Any
    filling: float | None = flax.struct.field(pytree_node=False, default=None)

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
        """That of what is masked, outside of the mask too, but for the filling."""
        return self.filled(self.distribution.mean())

    def filled(self, value: Event) -> Event:
        """The value, with the filling outside of the mask, if there is one."""
        if (filling := self.filling) is None:
            return value
        others = jax.tree.map(lambda leaf: jnp.full_like(leaf, filling), value)
        return inside(self.mask, value, others)

    def in_support(self, value: Event) -> Array:
        """The values inside of the mask in the support of what is masked."""
        _readable(self.mask, self.distribution, value)
        filling = _within_support(self.distribution, value)
        return self.distribution.in_support(inside(self.mask, value, filling))

    def _promoted(self) -> Self:
        return self  # what is masked promotes its own parameters, and a length is none

    def _sample(self, key: Key) -> Event:
        return self.filled(self.distribution.sample(key))

    def _log_prob(self, value: Event) -> Array:
        factors = jax.tree.leaves(self._log_prob_factors(value))
        return jnp.sum(jnp.stack([jnp.sum(leaf) for leaf in factors]))

    def _log_prob_factors(self, value: Event) -> Event:
        readable = _readable(self.mask, self.distribution, value)
        factors = self.distribution.log_prob_factors(readable)
        return inside(self.mask, factors, jax.tree.map(jnp.zeros_like, factors))


def _within_support(distribution: Distribution, value: Event) -> Event:
    """Any values that are in the support."""
    if isinstance(distribution, Masked):
        return _within_support(distribution.distribution, value)
    if isinstance(distribution, Joint):
        return jax.tree.map(_within_support, distribution.parts, value, is_leaf=is_part)
    if isinstance(distribution, Autoregressive):  # without a scan over the places
        distribution = distribution.conditionals(jnp.zeros_like(value))
    return distribution.sample(jax.random.key(0))


def _readable(mask: Any, distribution: Distribution, value: Event) -> Event:
    """The value, with zeros outside of the mask of an `Autoregressive`, which reads all of it,
    however many masks and parts it is within.

    Raises:
      TypeError: its mask is no length.
    """
    if isinstance(distribution, Masked):
        return _readable(mask, distribution.distribution, value)
    if isinstance(distribution, Joint):
        return jax.tree.map(_each_readable, mask, distribution.parts, value)
    if not isinstance(distribution, Autoregressive):
        return value
    if jnp.shape(mask) != ():
        raise TypeError(
            "Masked takes of an Autoregressive a length alone, an integer []: a value inside of"
            f" another mask would depend on one outside; got a mask of shape {jnp.shape(mask)}."
            " Give how many values there are, e.g. masked(network, lambda length: length)."
        )
    return inside(mask, value, jnp.zeros_like(value))  # 0 times NaN is NaN


def _each_readable(mask: Any, parts: Any, value: Event) -> Event:
    """Of parts of a `Joint` that have one mask."""
    return jax.tree.map(lambda part, x: _readable(mask, part, x), parts, value, is_leaf=is_part)


def inside(mask: Any, values: Event, others: Event) -> Event:
    """The values inside of the mask, and the others outside of it."""

    def choose(own: Array, *parts: Event) -> Event:
        return jax.tree.map(lambda a, b: jnp.where(_spread(own, jnp.shape(a)), a, b), *parts)

    return jax.tree.map(choose, mask, values, others)


def _spread(mask: Array, shape: tuple[int, ...]) -> Array:
    """The mask with as many axes as what it masks."""
    given = jnp.shape(mask)
    if given == () and jnp.issubdtype(jnp.result_type(mask), jnp.integer) and shape:
        mask = jnp.arange(shape[0]) < mask
        given = shape[:1]
    if not jnp.issubdtype(jnp.result_type(mask), jnp.bool_):
        raise TypeError(
            "A mask is bool, True where values are there, or one integer, a length; got"
            f" {jnp.result_type(mask)}: mask > 0."
        )
    if given != shape[: len(given)]:
        raise ValueError(
            f"A mask of shape {given} is no leading part of the shape {shape} of what it masks: it"
            " needs one truth value for each factor, or for each place along their first axes."
        )
    return jnp.expand_dims(mask, range(len(given), len(shape)))
