"""Heads of densities on the unit interval."""

from dataclasses import field

from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.distributions import Beta, ContinuousBernoulli
from vae_jax.distributions.base import as_float
from vae_jax.networks.init import where_made
from vae_jax.networks.project import project
from vae_jax.networks.scales import PredictedScale
from vae_jax.types import Array


class ContinuousBernoulliHead(nn.Module):
    """Features to continuous Bernoullis, densities on [0, 1].

    Args:
      event_shape: the shape of one event.
      bias_init: initializer of the bias of the logits, as in `BernoulliHead`; of means,
        `distributions.continuous_bernoulli.logits_of_mean`.
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> ContinuousBernoulli:
        """ContinuousBernoulli over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        return ContinuousBernoulli(project(features, self.event_shape, name="logits", **layer))


class BetaHead(nn.Module):
    """Features to Betas, densities on (0, 1), by mean and concentration.

        mean = sigmoid(logits),   alpha + beta = exp(-2 log_scale)

    so that the standard deviation is at most sqrt(mean (1 - mean)) exp(log_scale), and the floor of
    the scale one of that.

    Args:
      event_shape: the shape of one event.
      scale: (features, event_shape) -> log_scale, as in `GaussianHead`.
      bias_init: initializer of the bias of the logits of the mean, as in `BernoulliHead`.
      dtype: of the arithmetic of the mean (a scale has its own).
    """

    event_shape: tuple[int, ...]
    scale: nn.Module = field(default_factory=PredictedScale)
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Beta:
        """Beta over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        logits = project(features, self.event_shape, name="logits", **layer)
        return Beta.of_mean(as_float(logits), -2 * self.scale(features, self.event_shape))
