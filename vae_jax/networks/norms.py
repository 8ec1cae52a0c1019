"""Normalisation of features.

A `norm` is a function without arguments that makes a layer:

* `nn.LayerNorm` normalises over the last axis: all of a feature vector, but for a feature map
  [H, W, F] each pixel's own F channels.
* `group_norm(num_groups)` normalises over each group of channels and all pixels.
* `batch_norm()` normalises each channel over the batch, and so couples its examples; `whitening()`
  all of them together.
"""

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
from flax import linen as nn

from vae_jax.distributions.base import at_least_float32
from vae_jax.types import Array

Norm = Callable[[], Callable[[Array], Array]]


@cache
def group_norm(num_groups: int) -> Norm:
    """Group normalisation of one example's features [..., F].

    Each group of F / num_groups neighbouring channels is shifted and scaled to mean 0 and variance
    1 over its channels and all positions; then each channel gets its own scale and bias. With one
    group this is the layer norm of a whole feature map; with F groups, instance norm.
    `nn.GroupNorm` itself would take the first axis of a feature map for a batch.

    Args:
      num_groups: must divide the number of channels.

    Returns:
      A `norm` for the bodies; equal arguments give the same function.

    Raises:
      ValueError: fewer than one group; and, where it is applied, one that does not divide.

    Reference: Wu & He 2018, arXiv 1803.08494.
    """
    if not isinstance(num_groups, int) or num_groups < 1:
        raise ValueError(f"num_groups must be a Python int of at least 1; got {num_groups!r}.")

    def make() -> Callable[[Array], Array]:
        def layer(x: Array) -> Array:
            # not the fast variance E[x^2] - E[x]^2, which cancels where the mean is large
            every_axis = tuple(range(x.ndim))
            return nn.GroupNorm(num_groups, reduction_axes=every_axis, use_fast_variance=False)(x)

        return layer

    return make


@cache
def batch_norm(momentum: float = 0.99) -> Norm:
    """Batch normalisation: each channel over the batch and all positions.

    In training, where a network is given a key, over the axis "batch", and the running averages
    move; in evaluation by the averages, which `vae` keeps in params["state"]["batch_stats"]. The
    loss of an example then depends on its batch. For the front door, see `vae_jax.batched`.

    Args:
      momentum: of the running averages.

    Returns:
      A `norm` for the bodies; equal arguments give the same function.

    Reference: Ioffe & Szegedy 2015, arXiv 1502.03167.
    """

    def make() -> Callable[[Array], Array]:
        def layer(x: Array) -> Array:
            norm = nn.BatchNorm(momentum=momentum, axis_name="batch", use_fast_variance=False)
            return norm(x, use_running_average=not norm.is_mutable_collection("batch_stats"))

        return layer

    return make


@cache
def whitening(momentum: float = 0.99) -> Norm:
    """Whitening: channels of mean 0, variance 1 and no correlations over the batch and positions.

        y = L^-1 (x - m),   m = E x,   L L^T = S + 1e-5 max(1, tr S / F) I,   S = Cov x

    of features [..., F]. In training and evaluation as `batch_norm`, but nothing is learned: what
    follows sees channels that all tell something of their own, as codes of levels need to be in
    use. A channel that the others determine, which S of a lower rank has, comes out near 0.

    Args:
      momentum: of the running averages of m and S.

    Returns:
      A `norm` for the bodies, or for `DeltaHead`; equal arguments give the same function. Where it
      is applied, ValueError in training for no more vectors in the batch than channels.

    Reference: Siarohin, Sangineto, Sebe 2019, arXiv 1806.00420, section 3.1.
    """
    return lambda: _Whitening(momentum)


class _Whitening(nn.Module):
    momentum: float
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        F = x.shape[-1]
        flat = at_least_float32(x).reshape(-1, F)
        mean = self.variable("batch_stats", "mean", jnp.zeros, F)
        covariance = self.variable("batch_stats", "covariance", jnp.eye, F)
        m, S = mean.value, covariance.value
        if self.is_mutable_collection("batch_stats") and not self.is_initializing():
            _check_more_than(F, len(flat) * jax.lax.psum(1, "batch"))
            m = jax.lax.pmean(jnp.mean(flat, axis=0), "batch")
            centred = flat - m[None]
            S = jax.lax.pmean(centred.T @ centred / len(flat), "batch")
            mean.value += (1 - self.momentum) * (m - mean.value)
            covariance.value += (1 - self.momentum) * (S - covariance.value)
        least = self.epsilon * jnp.maximum(1.0, jnp.trace(S) / F)
        L = jnp.linalg.cholesky(S + least * jnp.eye(F))
        white = jax.scipy.linalg.solve_triangular(L, (flat - m[None]).T, lower=True).T
        return white.reshape(x.shape)


def _check_more_than(channels: int, vectors: int) -> None:
    if vectors <= channels:
        raise ValueError(
            f"whitening() takes the covariances of {channels} channels over the batch and all"
            f" positions, and was given {vectors} vectors: make the batch larger, or leave it out"
            " (--code-whitened)."
        )


def normalize(x: Array, norm: Norm | None) -> Array:
    """`x` through a new layer of `norm`, or as it is for None; to be called in a compact method.

    The dtype stays that of `x`: flax's norms promote to that of their float32 parameters, and one
    of them would end the half-precision part of a network.

    Raises:
      ValueError: for a layer that takes the first axis for a batch.
    """
    if norm is None:
        return x
    layer = norm()
    per_batch = isinstance(layer, nn.GroupNorm) and layer.reduction_axes is None
    if per_batch or isinstance(layer, nn.InstanceNorm):
        raise ValueError(
            f"norm makes a {type(layer).__name__} that takes the first axis for a batch, but a"
            " network here sees one example, without a batch axis: pass"
            " norm=group_norm(num_groups) (num_groups = the number of channels for instance norm)."
        )
    return layer(x).astype(x.dtype)
