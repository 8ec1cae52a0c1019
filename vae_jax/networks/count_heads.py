"""Heads of counts."""

from dataclasses import field

from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.distributions import NegativeBinomial, Poisson, ZeroInflated
from vae_jax.networks.init import where_made
from vae_jax.networks.project import project
from vae_jax.networks.scales import LearnedScale
from vae_jax.types import Array


class PoissonHead(nn.Module):
    """Features to independent counts.

    To begin at the data's own means m, [prod(event_shape)], from a feature vector:
    `bias_init=lambda key, shape, dtype: jnp.log(m)`.

    Args:
      event_shape: the shape of one event.
      bias_init: initializer of the bias of the log-rates, as in `BernoulliHead`.
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Poisson:
        """Poisson over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        return Poisson(project(features, self.event_shape, name="log_rate", **layer))


class NegativeBinomialHead(nn.Module):
    """Features to independent counts that vary by more than Poisson variables do.

        variance = mean + (mean exp(log_scale))^2,   log_theta = -2 log_scale

    A mean that is a share of a known total, as of single cells with a library size, is a condition:
    `scaled_by`.

    Args:
      event_shape: the shape of one event.
      scale: (features, event_shape) -> log_scale, of the deviation, relative to the mean, that is
        not a Poisson's; by default one for each dimension, learned, as scVI has it for each gene.
      bias_init: initializer of the bias of the log-means, as in `PoissonHead`.
      dtype: of the arithmetic of the mean (a scale has its own).
    """

    event_shape: tuple[int, ...]
    scale: nn.Module = field(default_factory=lambda: LearnedScale(per_dimension=True))
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> NegativeBinomial:
        """NegativeBinomial over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        log_mean = project(features, self.event_shape, name="log_mean", **layer)
        return NegativeBinomial(log_mean, -2 * self.scale(features, self.event_shape))


class ZeroInflatedHead(nn.Module):
    """Features to counts with a probability of a further zero for each.

    Args:
      head: of the counts: a `PoissonHead` or a `NegativeBinomialHead`.
      bias_init: initializer of the bias of the logits of that probability.
      dtype: of the arithmetic of the logits (the head has its own).
    """

    head: nn.Module
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> ZeroInflated:
        """ZeroInflated over the events of `head`."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        logits = project(features, self.head.event_shape, name="logits", **layer)
        return ZeroInflated(self.head(features), logits)
