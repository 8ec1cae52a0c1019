"""Values one after the other, each given those before it."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure, check_shape
from vae_jax.types import Array, Key

Program = Callable[[Any, Array], Distribution]


class Steps(NamedTuple):
    """How a draw is made without a whole pass for each place.

    Fields:
      begin: (given) -> what is carried from place to place.
      advance: (given, carried, x, place) -> what is carried on, and conditionals like those of the
        program, of which the one of this place counts; x is drawn up to there.
    """

    begin: Callable[[Any], Any]
    advance: Callable[[Any, Any, Array, Array], tuple[Any, Distribution]]


class Autoregressive(Distribution):
    """Places in a row, the first axes of an array in C order; each is drawn given those before it.

        log p(x) = sum_t log p(x_t | x_1 .. x_t-1)

    A program makes all conditionals at once from an x that is known (teacher forcing): a
    distribution over the whole event, whose values at place t are told nothing of x from t on. A
    chain of binary variables:

        def program(weights, x):
            return Bernoulli(jnp.tril(weights, -1) @ x)

        p = Autoregressive(weights, program, shape=(8,))

    The density is one pass. A draw is a scan over the places: a pass for each, or, with `steps`,
    the work of a pass in all.

    Args:
      given: what the program reads: weights, features, a key of dropout noise. They reach it as
        they are; the conditionals promote their own parameters.
      program: (given, x) -> the conditionals. Made once, as `steps` are: `jit` recognises them by
        equality. It is given zeros, integers, as well, where only its form is asked for.
      shape: of the event.
      axes: how many of its first axes are those of the places; the values of one place ([D] of
        [T, D]) are drawn together. None for all of them.
      steps: see `Steps`; None for passes.
    """

    given: Any
    program: Program = flax.struct.field(pytree_node=False)
    shape: tuple[int, ...] = flax.struct.field(pytree_node=False)
    axes: int | None = flax.struct.field(pytree_node=False, default=None)
    steps: Steps | None = flax.struct.field(pytree_node=False, default=None)

    support = "asks its conditionals, what each value may be given those before it"

    @property
    def reparameterized(self) -> bool:
        """That of the conditionals."""
        return bool(self._static(lambda conditionals: conditionals.reparameterized))

    @property
    def base_measure(self) -> Measure:
        """That of the conditionals."""
        return self._static(lambda conditionals: conditionals.base_measure)

    def conditionals(self, value: Array) -> Distribution:
        """p(x_t | value before t) of every place t, as one distribution over the event.

        Raises:
          ValueError: `value` has not the shape of the event.
        """
        check_shape("Autoregressive", value, self.shape)
        return self.program(self.given, value)

    def in_support(self, value: Array) -> Array:
        """Each value in the support of its conditional."""
        return self.conditionals(value).in_support(value)

    def _sample(self, key: Key) -> Array:
        steps, places = self.steps or self._passes(), self.shape[: self.axes]

        def draw(state: tuple[Any, Array], place: Array) -> tuple[tuple[Any, Array], None]:
            carried, x = state
            carried, conditionals = steps.advance(self.given, carried, x, place)
            at = jnp.unravel_index(place, places)
            own = conditionals.sample(jax.random.fold_in(key, place))[at]
            return (carried, x.at[at].set(own)), None

        first = steps.begin(self.given), jnp.zeros(self.shape, self._dtype())
        (_, x), _ = jax.lax.scan(draw, first, jnp.arange(math.prod(places)))
        return x

    def _log_prob(self, value: Array) -> Array:
        return self.conditionals(value).log_prob(value)

    def _log_prob_factors(self, value: Array) -> Array:
        return self.conditionals(value).log_prob_factors(value)

    def _promoted(self) -> Self:
        return self  # weights are not parameters of a density

    def _passes(self) -> Steps:
        return Steps(lambda _: None, lambda given, _, x, place: (None, self.program(given, x)))

    def _dtype(self) -> Any:
        key = jax.eval_shape(jax.random.key, 0)
        return jax.eval_shape(lambda key: self._of_zeros().sample(key), key).dtype

    def _static(self, ask: Callable[[Distribution], Any]) -> Any:
        """What `ask` says of the conditionals, without computing anything."""
        answer: list[Any] = []
        jax.eval_shape(lambda: answer.append(ask(self._of_zeros())))
        return answer[0]

    def _of_zeros(self) -> Distribution:
        return self.conditionals(jnp.zeros(self.shape, int))
