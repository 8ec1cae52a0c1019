"""Mixtures of distributions that are made where they are used."""

from collections.abc import Callable
from typing import Any, Self

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure, as_float
from vae_jax.log_sums import log_sum_exp
from vae_jax.types import Array, Event, Key


class MixtureOver(Distribution):
    """A mixture of C distributions, each made from an entry of its own and from what all share.

        log p(x) = logsumexp_c ( log_softmax(logits)_c + log make(given, each_c)(x) )

    For components that hold network weights, or features: `Mixture` would hold them C times. A
    VampPrior is `MixtureOver(logits, pseudo_inputs, params, encode)`, whatever the posterior.

    Args:
      logits: unnormalised log-weights, [C].
      each: a tree of arrays with a leading axis C.
      given: what all components share, such as weights.
      make: (given, one of each) -> a distribution. Made once: `jit` recognises it by identity.

    Reference: Tomczak, Welling 2018, arXiv 1705.07120 (the VampPrior).
    """

    logits: Array
    each: Any
    given: Any
    make: Callable[[Any, Any], Distribution] = flax.struct.field(pytree_node=False)

    reparameterized = False

    @property
    def base_measure(self) -> Measure:
        """That of the components."""
        measure: list[Measure] = []
        jax.eval_shape(lambda: measure.append(self._component(0).base_measure))
        return measure[0]

    def _sample(self, key: Key) -> Event:
        pick_key, draw_key = jax.random.split(key)
        return self._component(jax.random.categorical(pick_key, self.logits)).sample(draw_key)

    def _log_prob(self, value: Event) -> Array:
        log_p = self._over(lambda component: component.log_prob(value))  # [C]
        return log_sum_exp(jax.nn.log_softmax(self.logits) + log_p)

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        pick_key, draw_key = jax.random.split(key)
        index = jax.random.categorical(pick_key, self.logits)
        value, own = self._component(index).sample_and_log_prob(draw_key)  # as of a Mixture
        log_p = self._over(lambda component: component.log_prob(value))
        log_p = jnp.where(jnp.arange(self.logits.size) == index, own, log_p)
        return value, log_sum_exp(jax.nn.log_softmax(self.logits) + log_p)

    def mean(self) -> Event:
        """The weighted mean of the components' means."""
        weights = jax.nn.softmax(self._promoted().logits)
        means = self._over(lambda component: component.mean())
        return jax.tree.map(lambda mean: jnp.tensordot(weights, mean, 1), means)

    def in_support(self, value: Event) -> Array:
        """In the support of some component."""
        return jnp.any(self._over(lambda component: component.in_support(value)))

    def _component(self, index: Array | int) -> Distribution:
        return self.make(self.given, jax.tree.map(lambda leaf: leaf[index], self.each))

    def _over(self, f: Callable[[Distribution], Any]) -> Any:
        """f of every component, [C, ...]."""
        leading = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(self.each)}
        if leading != {jnp.shape(self.logits)} or len(self.logits) == 0:
            raise ValueError(
                f"MixtureOver: logits have shape {jnp.shape(self.logits)}, and `each` has leading"
                f" axes {sorted(leading)}; both must be [C], C > 0."
            )
        return jax.vmap(lambda one: f(self.make(self.given, one)))(self.each)

    def _promoted(self) -> Self:
        # weights are not parameters of a density; the components promote their own
        return self.replace(logits=as_float(self.logits))
