"""Heads: from features to a distribution.

Every head is called as `head(features)` on one example. It takes a feature vector [F], or, for an
event of shape [H, W, ...], a feature map [H, W, F] (see `project`). `event_shape` is the shape of
one event, e.g. (16,) for latents, (28, 28, 1) for images, () for one label.

`dtype` is that of the arithmetic; a distribution promotes its parameters to float32.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.distributions import (
    Bernoulli,
    Categorical,
    Delta,
    FullGaussian,
    Gaussian,
    Joint,
    Laplace,
    Mixture,
)
from vae_jax.distributions.base import at_least_float32
from vae_jax.networks.init import where_made
from vae_jax.networks.norms import Norm, normalize
from vae_jax.networks.project import project
from vae_jax.networks.scales import PredictedScale
from vae_jax.types import Array


class BernoulliHead(nn.Module):
    """Features to independent binary variables.

    To begin at the data's own frequencies p, [prod(event_shape)], from a feature vector:
    `bias_init=nn.initializers.constant(log(p) - log(1 - p))`.

    Args:
      event_shape: the shape of one event.
      bias_init: initializer of the bias of the logits, which is a vector: prod(event_shape) values
        for a feature vector, one per channel for a feature map.
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Bernoulli:
        """Bernoulli over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        return Bernoulli(project(features, self.event_shape, name="logits", **layer))


class CategoricalHead(nn.Module):
    """Features to independent variables with `num_classes` classes each.

    Args:
      event_shape: the shape of one event, without the classes; () for one label.
      num_classes: the number of classes, K.
      dtype: of the arithmetic.
    """

    event_shape: tuple[int, ...]
    num_classes: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Categorical:
        """Categorical over [*event_shape]."""
        shape = (*self.event_shape, self.num_classes)
        return Categorical(project(features, shape, name="logits", dtype=self.dtype))


class DeltaHead(nn.Module):
    """Features to a point: the encoder of a plain autoencoder, or of codes.

    Args:
      event_shape: the shape of one event.
      dtype: of the arithmetic.
      norm: of the point, over its last axis: `whitening()`, say; None leaves it as it is.
    """

    event_shape: tuple[int, ...]
    dtype: Dtype | None = None
    norm: Norm | None = None

    @nn.compact
    def __call__(self, features: Array) -> Delta:
        """Delta over [*event_shape]."""
        value = project(features, self.event_shape, name="value", dtype=self.dtype)
        return Delta(normalize(value, self.norm))


class GaussianHead(nn.Module):
    """Features to a diagonal Gaussian.

    Args:
      event_shape: the shape of one event.
      scale: (features, event_shape) -> log_scale, [*event_shape], the log of a standard deviation:
        `PredictedScale()`, the usual choice for a posterior; `FixedScale(log_scale)` or
        `LearnedScale()` for a likelihood.
      bias_init: initializer of the bias of the mean, as in `BernoulliHead`; before the bound.
      dtype: of the arithmetic of the mean (a scale has its own).
      bound: of the mean, a function of each of its values: `nn.sigmoid` for data in [0, 1],
        `jnp.tanh` in [-1, 1]; None leaves it linear in the features.
    """

    event_shape: tuple[int, ...]
    scale: nn.Module = field(default_factory=PredictedScale)  # flax shares what is one instance
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None
    bound: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, features: Array) -> Gaussian:
        """Gaussian over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        loc = project(features, self.event_shape, name="loc", **layer)
        return Gaussian(bounded(loc, self.bound), self.scale(features, self.event_shape))


class FullGaussianHead(nn.Module):
    """Features to a Gaussian with every covariance, for a posterior or for small events.

    It begins without covariances, as a diagonal one. Its parameters are D (D - 1) / 2 more.

    Args:
      event_shape: the shape of one event, of size D.
      scale: as in `GaussianHead`, of each dimension given those before it.
      bias_init, dtype: as in `GaussianHead`.
    """

    event_shape: tuple[int, ...]
    scale: nn.Module = field(default_factory=PredictedScale)
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> FullGaussian:
        """FullGaussian over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        loc = project(features, self.event_shape, name="loc", **layer)
        D = loc.size
        none = {"kernel_init": nn.initializers.zeros, "dtype": self.dtype}
        below = project(jnp.ravel(features), (D * (D - 1) // 2,), name="lower", **none)
        rows, columns = jnp.tril_indices(D, -1)
        lower = jnp.zeros((D, D), below.dtype).at[rows, columns].set(below)
        return FullGaussian(loc, self.scale(features, self.event_shape), lower)


class LaplaceHead(nn.Module):
    """Features to independent Laplace variables.

    Args:
      event_shape: the shape of one event.
      scale: as in `GaussianHead`, of log b.
      bias_init, dtype, bound: as in `GaussianHead`.
    """

    event_shape: tuple[int, ...]
    scale: nn.Module = field(default_factory=PredictedScale)
    bias_init: Initializer = nn.initializers.zeros
    dtype: Dtype | None = None
    bound: Callable[[Array], Array] | None = None

    @nn.compact
    def __call__(self, features: Array) -> Laplace:
        """Laplace over [*event_shape]."""
        layer = {"bias_init": where_made(self, self.bias_init), "dtype": self.dtype}
        loc = project(features, self.event_shape, name="loc", **layer)
        return Laplace(bounded(loc, self.bound), self.scale(features, self.event_shape))


class MixtureHead(nn.Module):
    """Features to a mixture of `num_components` distributions of one family.

    The components' parameters are those of `head` with a leading axis C, drawn independently. The
    weights are a dense layer of the features; of their mean over the pixels, for a feature map.

    Args:
      num_components: the number of components, C.
      head: makes one component.
      dtype: of the arithmetic of the weights (the head has its own).
    """

    num_components: int
    head: nn.Module
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, features: Array) -> Mixture:
        """Mixture over the events of `head`."""
        components = nn.vmap(
            lambda head, features: head(features),
            variable_axes={"params": 0},
            split_rngs={"params": True, "dropout": True},
            in_axes=None,
            axis_size=self.num_components,
        )(self.head, features)
        pooled = jnp.mean(features, axis=tuple(range(features.ndim - 1)))
        logits = project(pooled, (self.num_components,), name="logits", dtype=self.dtype)
        return Mixture(logits, components)


class JointHead(nn.Module):
    """Features to independent parts: each head sees the same features.

    Args:
      heads: a tuple or a dict of heads; the event is a tuple or a dict of their events.
    """

    heads: Any

    @nn.compact
    def __call__(self, features: Array) -> Joint:
        """Joint over the heads' events."""
        if isinstance(self.heads, Mapping):  # flax hands out a FrozenDict, which is another pytree
            return Joint({name: head(features) for name, head in self.heads.items()})
        return Joint(tuple(head(features) for head in self.heads))


def bounded(loc: Array, bound: Callable[[Array], Array] | None) -> Array:
    """The mean; through the bound, where there is one, in float32: 1 - 1e-4 is 1 in bfloat16."""
    return loc if bound is None else bound(at_least_float32(loc))
