"""Heads of integers that are levels of something: intensities."""

from dataclasses import field
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.distributions import ColourLogistics, DiscretisedLogistic, LogisticMixture
from vae_jax.distributions.base import at_least_float32
from vae_jax.networks.init import where_made
from vae_jax.networks.project import project
from vae_jax.networks.scales import PredictedScale, soft_floor
from vae_jax.types import Array, Key

# Of log_scale, in [-1, 1]: of 256 levels all but 1e-13 of the mass is then on the nearest. One of
# -6 would cost 0.4 nats a pixel that is certain.
LEVEL_FLOOR = -9.0


class DiscretisedLogisticHead(nn.Module):
    """Features to independent integers of L levels, by discretised logistics.

    Args:
      event_shape: the shape of one event.
      levels: L.
      scale: (features, event_shape) -> log_scale, as in `GaussianHead`, in units of [-1, 1].
      bias_init: initializer of the bias of the location, in [-1, 1], as in `BernoulliHead`.
      dtype: of the arithmetic of the location (a scale has its own).
    """

    event_shape: tuple[int, ...]
    levels: int
    scale: nn.Module = field(default_factory=lambda: PredictedScale(LEVEL_FLOOR, initial=-1.0))
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> DiscretisedLogistic:
        """DiscretisedLogistic over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        loc = project(features, self.event_shape, name="loc", **layer)
        log_scale = self.scale(features, self.event_shape)
        return DiscretisedLogistic(loc, log_scale, self.levels)


class LogisticMixtureHead(nn.Module):
    """Features to independent integers of L levels, each by a mixture of discretised logistics.

    The components' locations begin at those of `bias_init`, and around them.

    Args:
      event_shape: the shape of one event.
      levels: L.
      num_components: C, of each dimension.
      bias_init, log_scale_init: initializers of the biases of location and log-scale of each
        dimension, in units of [-1, 1].
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    levels: int
    num_components: int = 10
    bias_init: Initializer = nn.initializers.zeros
    log_scale_init: Initializer = nn.initializers.constant(-2.0)
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> LogisticMixture:
        """LogisticMixture over [*event_shape]."""
        C = self.num_components
        logits = project(features, self.event_shape, C, name="logits", dtype=self.dtype)
        return LogisticMixture(logits, *_components(self, features), self.levels)


class ColourLogisticsHead(nn.Module):
    """Features to pixels of red, green and blue: the likelihood of PixelCNN++.

    Args:
      event_shape: [H, W, 3].
      levels, num_components, bias_init, log_scale_init, dtype: as in `LogisticMixtureHead`.

    Raises:
      ValueError: events that are not of three colours.
    """

    event_shape: tuple[int, ...]
    levels: int
    num_components: int = 10
    bias_init: Initializer = nn.initializers.zeros
    log_scale_init: Initializer = nn.initializers.constant(-2.0)
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> ColourLogistics:
        """ColourLogistics over [*event_shape]."""
        if self.event_shape[-1:] != (3,):
            raise ValueError(
                f"ColourLogisticsHead is for events [..., 3]; got {self.event_shape}. For others"
                " there is LogisticMixtureHead."
            )
        C, own = self.num_components, {"dtype": self.dtype}
        logits = project(features, self.event_shape[:-1], C, name="logits", **own)
        raw = project(features, self.event_shape, C, name="coefficients", **own)
        coefficients = jnp.tanh(at_least_float32(raw))
        loc, log_scale = _components(self, features)
        return ColourLogistics(logits, loc, log_scale, coefficients, self.levels)


def _components(
    head: LogisticMixtureHead | ColourLogisticsHead, features: Array
) -> tuple[Array, Array]:
    """Locations and log-scales, [*event_shape, C], in a compact method."""
    C = head.num_components
    spread = jnp.linspace(-0.5, 0.5, C) if C > 1 else jnp.zeros(1)
    biases = (
        _of_each(head.bias_init, spread),
        _of_each(head.log_scale_init, jnp.zeros(C)),
    )
    loc, raw = (
        project(
            features,
            head.event_shape,
            C,
            name=name,
            bias_init=where_made(head, bias),
            dtype=head.dtype,
        )
        for name, bias in zip(("loc", "log_scale"), biases, strict=True)
    )
    return loc, soft_floor(raw, LEVEL_FLOOR)


def _of_each(first: Initializer, apart: Array) -> Initializer:
    """Of the components of a dimension: where it begins, and so far apart."""

    def init(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        own = first(key, (shape[0] // len(apart),), dtype)
        return (own[:, None] + apart[None].astype(dtype)).reshape(shape)

    return init
