"""Distributions with a flow: of features, as posteriors and decoders; of nothing, as priors."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.distributions import Distribution, Flowed, standard_gaussian
from vae_jax.types import Array, Event


def features_themselves(features: Array) -> Array:
    """The features, as a vector."""
    return jnp.ravel(features)


class FlowHead(nn.Module):
    """Features to what a flow makes of a distribution.

        FlowHead(GaussianHead((16,)), iaf(16, 2), nn.Dense(64))

    Args:
      head: features -> base, over one array.
      flow: context -> a flow over its values: `planar`, `iaf`, or layers of your own.
      context: features -> what the flow is told, a vector; the features themselves where nothing
        is said; `lambda features: None` for a flow of own parameters, the same for every x.
    """

    head: nn.Module
    flow: nn.Module
    context: Callable[[Array], Array | None] = features_themselves

    def __call__(self, features: Array) -> Flowed:
        """Flowed over the events of `head`."""
        return Flowed(self.head(features), self.flow(self.context(features)))


class FlowPrior(nn.Module):
    """A prior that is learned: N(0, I) through a flow.

        with_prior(model, FlowPrior(16, real_nvp(16, 4)))

    Args:
      event_size: dimensions of z.
      flow: context -> a flow over them.
      embed: the condition -> the context, as in `Network`; None without a condition.

    Reference: Chen et al. 2017, arXiv 1611.02731, section 3.2.
    """

    event_size: int
    flow: nn.Module
    embed: Callable[[Any], Array] | None = None

    def __call__(self, c: Event = None) -> Flowed:
        """Flowed over [event_size]; without `embed` the same for all conditions."""
        context = None if self.embed is None else self.embed(c)
        return Flowed(standard_gaussian(self.event_size), self.flow(context))


class HeadPrior(nn.Module):
    """A prior that is learned: what a head makes of one feature that is always 1.

        with_prior(model, HeadPrior(AutoregressiveHead(WaveNet((1, 2, 4)), GaussianHead((8, 1)))))

    Args:
      head: features -> distribution over z, such as one of each value given those before it.
      embed: the condition -> the features, as in `Network`; None without a condition.
    """

    head: nn.Module
    embed: Callable[[Any], Array] | None = None

    def __call__(self, c: Event = None) -> Distribution:
        """What the head makes; without `embed` the same for all conditions."""
        return self.head(jnp.ones(1) if self.embed is None else self.embed(c))
