"""Mixtures of distributions of one family."""

from typing import Self

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure, as_float
from vae_jax.log_sums import log_sum_exp
from vae_jax.types import Array, Event, Key


class Mixture(Distribution):
    """A mixture of C distributions over the same event.

        log p(x) = logsumexp_c ( log_softmax(logits)_c + log p_c(x) )

    Sampling picks a component, which has no derivative with respect to the logits: a mixture is
    not reparameterized.

    Args:
      logits: unnormalised log-weights, [C].
      components: a distribution each of whose parameters has a leading axis C, as `jax.vmap` of
        its constructor makes it: `Mixture(logits, jax.vmap(Gaussian)(locs, log_scales))`.
    """

    logits: Array
    components: Distribution

    reparameterized = False

    @property
    def base_measure(self) -> Measure:
        """That of the components."""
        return self.components.base_measure

    def _sample(self, key: Key) -> Event:
        _, component, draw_key = self._picked(key)
        return component.sample(draw_key)

    def _log_prob(self, value: Event) -> Array:
        log_p = self._each_log_prob(value)
        return log_sum_exp(jax.nn.log_softmax(self.logits) + log_p)

    def _sample_and_log_prob(self, key: Key) -> tuple[Event, Array]:
        index, component, draw_key = self._picked(key)
        value, own = component.sample_and_log_prob(draw_key)  # better known than by the value
        log_p = jnp.where(jnp.arange(self.logits.size) == index, own, self._each_log_prob(value))
        return value, log_sum_exp(jax.nn.log_softmax(self.logits) + log_p)

    def mean(self) -> Event:
        """The weighted mean of the components' means."""
        weights = jax.nn.softmax(self._promoted().logits)
        means = jax.vmap(lambda component: component.mean())(self.components)
        return jax.tree.map(lambda mean: jax.vmap(jnp.multiply)(weights, mean).sum(axis=0), means)

    def in_support(self, value: Event) -> Array:
        """In the support of some component."""
        return jnp.any(jax.vmap(lambda component: component.in_support(value))(self.components))

    def _promoted(self) -> Self:
        return self.replace(logits=as_float(self.logits))  # the components promote their own

    def _picked(self, key: Key) -> tuple[Array, Distribution, Key]:
        """Which component is drawn from, itself, and the key of the draw."""
        self._check_weights()
        pick_key, draw_key = jax.random.split(key)
        index = jax.random.categorical(pick_key, self.logits)
        return index, jax.tree.map(lambda leaf: leaf[index], self.components), draw_key

    def _each_log_prob(self, value: Event) -> Array:  # [C]
        self._check_weights()
        return jax.vmap(lambda component: component.log_prob(value))(self.components)

    def _check_weights(self) -> None:
        leading = {jnp.shape(parameter)[:1] for parameter in jax.tree.leaves(self.components)}
        if leading != {jnp.shape(self.logits)} or len(self.logits) == 0:
            raise ValueError(
                f"Mixture: logits have shape {jnp.shape(self.logits)}, and the components'"
                f" parameters have leading axes {sorted(leading)}; both must be [C], C > 0. Make"
                " the components with jax.vmap of their constructor."
            )
