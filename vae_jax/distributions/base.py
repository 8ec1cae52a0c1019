"""What a distribution is: one event, a density in nats, a sampler.

Conventions of every distribution in this package:

* **One event.** There is no batch axis: a batch of distributions is `jax.vmap` of one. Every
  dimension of the parameters belongs to the event, and `log_prob` sums over all of them.
* **Nats**, and a true log-density (log-mass, for discrete events): no constant is dropped.
* **A distribution is a pytree** of its parameters: it passes through `jit`, `vmap`, `grad`, `scan`.
* Parameters in half precision, and integers, are promoted to float32 before any arithmetic, here
  and only here: integers of 8 bits would wrap.
"""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self, TypeAlias

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.families import named_in_its_tree
from vae_jax.types import Array, Event, Key

Measure: TypeAlias = Any  # a str; or a tuple or dict of them, like the parts of the event
_STATIC_TYPES = {"int", "bool", "str", "tuple", "Callable"}


class Distribution(flax.struct.PyTreeNode, ABC):
    """A probability distribution over one event. Abstract; its subclasses are final.

    A subclass declares its parameters as fields, says whether it is `reparameterized`, and defines
    `_sample(key)` and `_log_prob(value)`, where `self` already holds parameters of at least
    float32; `mean()`, if there is one; `in_support(value)`, if not every finite value is in it;
    `base_measure`, if its density is not one with respect to volume:

        class Laplace(Distribution):
            loc: jax.Array
            log_scale: jax.Array  # of the shape of loc
            reparameterized = True  # a constant of the class: no annotation

            def _sample(self, key):
                noise = jax.random.laplace(key, self.loc.shape)
                return self.loc + jnp.exp(self.log_scale) * noise

            def _log_prob(self, value):  # summed over the event
                distance = jnp.abs(value - self.loc) * jnp.exp(-self.log_scale)
                return jnp.sum(-distance - self.log_scale - jnp.log(2))

    A field that is not an array (an int, a function) is declared
    `flax.struct.field(pytree_node=False)`.

    Two more hooks are worth their lines where there is something to know:

    * `_sample_and_log_prob(key)`, where a draw knows its density better than its value does: a
      Gaussian scores its noise; a planar flow, which cannot be inverted, knows log q of what it
      draws and of nothing else, and so leaves `_log_prob` out.
    * `_log_prob_factors(value)`, the summands of log_prob, and `independent`, whether they are
      those of independent variables.
    """

    support: ClassVar[str] = ""  # in words, for error messages: what is in it, what to do if not

    def __init_subclass__(cls, **kwargs: Any):
        named_in_its_tree(cls)
        super().__init_subclass__(**kwargs)
        if {cls._log_prob, cls._sample_and_log_prob} == _UNKNOWN:
            raise TypeError(
                f"{cls.__name__} has no density: define _log_prob(value), or, where log q is known"
                " of draws alone, _sample_and_log_prob(key)."
            )
        for field in dataclasses.fields(cls):
            annotation = str(getattr(field.type, "__name__", field.type)).partition("[")[0]
            annotation = annotation.rpartition(".")[2]
            if annotation in _STATIC_TYPES and field.metadata.get("pytree_node", True):
                raise TypeError(
                    f"{cls.__name__}.{field.name} is declared {annotation}, which cannot be traced:"
                    " declare it with flax.struct.field(pytree_node=False), or, if it is the same"
                    " for all instances, without an annotation."
                )

    @property
    @abstractmethod
    def reparameterized(self) -> bool:
        """Whether `sample` is a differentiable function of the parameters, so that the gradient of
        an expectation is the expectation of the gradient through the sample."""

    @property
    def base_measure(self) -> Measure:
        """What the density is a density of: "volume", "counts" for masses of discrete values,
        "point" for all mass at one point, ...; of parts of several kinds, a tree of these. Those of
        different ones do not compare."""
        return "volume"

    @property
    def independent(self) -> bool:
        """Whether the factors (`log_prob_factors`) are those of independent variables."""
        return False

    @abstractmethod
    def _sample(self, key: Key) -> Event: ...

    def _log_prob(self, value: Event) -> Array:
        raise TypeError(
            f"{type(self).__name__} knows log q of what it draws (sample_and_log_prob), and of no"
            " other value. score_free, a draw z that is given, and mutual_information ask for"
            " log_prob(z): leave them out, or use a posterior with a density at every z."
        )

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        value = self._sample(key)
        return value, self._log_prob(value)

    def _log_prob_factors(self, value: Event) -> Event:
        raise TypeError(
            f"The log-density of {type(self).__name__} is not a sum over dimensions, or does not"
            " say so: use log_prob, or, for factors, a distribution such as Gaussian."
        )

    def sample(self, key: Key) -> Event:
        """One draw of the event; `jax.vmap(d.sample)(keys)` makes several."""
        return self._promoted()._sample(key)

    def log_prob(self, value: Event) -> Array:
        """log p(value), [] nats. Raises ValueError if `value` has not the shape of the event."""
        log_p = self._promoted()._log_prob(value)
        self._check_summed("_log_prob", log_p)
        return log_p

    def sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        """One draw, that of `sample`, and its log-density, [] nats.

        To be preferred to `sample`, then `log_prob`: it loses no digits where the scale is small
        against the value, and some distributions know no other log-density.
        """
        value, log_p = self._promoted()._sample_and_log_prob(key)
        self._check_summed("_sample_and_log_prob", log_p)
        return value, log_p

    def log_prob_factors(self, value: Event) -> Event:
        """The summands of log p(value), nats, for masks, lengths and rates of each dimension.

            log_prob(value) = the sum over the factors

        Returns:
          An array of a leading part of the event's shape: all of it for a Gaussian, [T] for a
          sequence of vectors; where the event is a tree of latents, a tree.

        Raises:
          TypeError: the density is no such sum (a mixture).
        """
        return self._promoted()._log_prob_factors(value)

    def mean(self) -> Event:
        """E[value], the shape of the event. TypeError where the event has no mean."""
        raise TypeError(f"{type(self).__name__} has no mean; draw from it with `sample(key)`.")

    def in_support(self, value: Event) -> Array:
        """Whether the density is positive at `value`, [] bool; here, if every value is finite."""
        finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(value)]
        return jnp.all(jnp.stack(finite))

    def _check_summed(self, function: str, log_p: Array) -> None:
        if jnp.shape(log_p) != ():
            raise ValueError(
                f"{type(self).__name__}.{function} returned shape {jnp.shape(log_p)}: it must sum"
                " over the event's dimensions, to one number."
            )

    def _promoted(self) -> Self:
        return jax.tree.map(as_float, self)


_UNKNOWN = {Distribution._log_prob, Distribution._sample_and_log_prob}


def as_float(parameter: Any) -> Array:
    """A parameter of a density: half precision and integers as float32 (integers as float64, where
    that is the default); keys and truth values, such as a mask's, as they are."""
    parameter = at_least_float32(parameter)
    whole = jnp.issubdtype(parameter.dtype, jnp.integer)
    return parameter.astype(float) if whole else parameter


def at_least_float32(parameter: Any) -> Array:
    """Half precision as float32; the rest as it is."""
    parameter = jnp.asarray(parameter)
    if not jnp.issubdtype(parameter.dtype, jnp.floating):
        return parameter
    return parameter.astype(jnp.promote_types(parameter.dtype, jnp.float32))


def common_measure(measures: Measure) -> Measure:
    """The base measure of a product: that of all parts, or, where they differ, the tree of it."""
    parts = jax.tree.leaves(measures)
    return parts[0] if len(set(parts)) == 1 else measures


def check_shape(name: str, value: Event, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless the array `value` has exactly the event's `shape`."""
    if jnp.shape(value) != shape:
        raise ValueError(
            f"{name} has events of shape {shape} and was given a value of shape"
            f" {jnp.shape(value)}. There is no batch axis and no broadcasting: reshape the value,"
            " or map over a batch with jax.vmap."
        )
