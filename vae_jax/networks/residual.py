"""Residual convolutional bodies, with attention and with skips from the latent.

Called as the bodies of `conv` are, of which they have the stages and the sizes: each stage of the
encoder halves the image and goes on with residual blocks there; the decoder has its blocks before
each doubling. A block begins as the identity, whatever the depth:

    x + conv(act(norm(conv(act(norm(x))))))        the last kernel 0 at first

Reference: He et al. 2016, arXiv 1603.05027 (fig. 4e); the zero, Goyal et al. 2017,
arXiv 1706.02677, sec. 5.1.
"""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.bodies import drop, flatten
from vae_jax.networks.conv import doublings, smallest, strided, transposed, with_channels
from vae_jax.networks.init import Activation, default_init
from vae_jax.networks.norms import Norm, normalize
from vae_jax.networks.products import Conv
from vae_jax.types import Array, Event

_ZEROS = nn.initializers.zeros


class Attention(nn.Module):
    """Self-attention between all positions of a feature map, added to it; at first the identity.

    Args:
      heads: must divide the number of channels.
      norm: before it; None for none.
      dtype: of the arithmetic.

    Reference: Vaswani et al. 2017, arXiv 1706.03762, eq. 1; of images Zhang et al. 2019,
    arXiv 1805.08318.
    """

    heads: int = 1
    norm: Norm | None = None
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[*positions, F] -> [*positions, F]."""
        tokens = normalize(x, self.norm).reshape(-1, x.shape[-1])
        layer = nn.MultiHeadDotProductAttention(
            self.heads, dtype=self.dtype, out_kernel_init=_ZEROS
        )
        return x + layer(tokens).reshape(x.shape)


class Residual(nn.Module):
    """A block of two convolutions of a feature map, which keep its size and channels.

    Args:
      activation, norm, dropout, dtype: as in `MLP`; dropout is before the second convolution.
      kernel_size: of both.
    """

    activation: Activation = nn.relu
    norm: Norm | None = None
    kernel_size: int = 3
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[*positions, F] -> [*positions, F]."""
        size, first = (self.kernel_size,) * (x.ndim - 1), default_init(self.activation)
        layer: dict[str, Any] = {"features": x.shape[-1], "kernel_size": size, "dtype": self.dtype}
        inside = self.activation(normalize(x, self.norm))
        inside = Conv(kernel_init=first, **layer)(inside)
        inside = drop(self, self.activation(normalize(inside, self.norm)))
        return x + Conv(kernel_init=_ZEROS, **layer)(inside)


class ResidualEncoder(nn.Module):
    """Image to a feature vector: for each number of channels, down -> blocks.

    Args:
      channels: the number of channels of each stage; each stage halves the image.
      blocks: residual blocks of each stage.
      attention: heights of the maps after whose blocks there is self-attention: (7,).
      heads: of the attention.
      down, axes, grid: as in `ConvEncoder`.
      kernel_size: of the convolutions that halve.
      activation, norm, dropout, dtype: as in `MLP`.
    """

    channels: tuple[int, ...]
    blocks: int = 1
    attention: tuple[int, ...] = ()
    heads: int = 1
    down: Callable[..., Array] = strided
    kernel_size: int = 4
    axes: int = 2
    grid: bool = False
    activation: Activation = nn.relu
    norm: Norm | None = None
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """Features [h * w * channels[-1]] of x ([H, W, C]); c ([Dc]) becomes Dc more channels."""
        features = with_channels(x, c, self.axes)
        *sizes, _ = doublings(features.shape[:-1], len(self.channels), self.axes)
        _check_attention(self.attention, [size[0] for size in sizes])
        for channels in self.channels:
            features = self.down(features, **_resizing(self, channels))
            features = _stage(self, features)
        features = self.activation(normalize(features, self.norm))
        return features if self.grid else features.ravel()


class ResidualDecoder(nn.Module):
    """Latent to a feature map: dense to the smallest map, then for each number of channels blocks
    -> up.

    Args:
      image_size: (H, W) of the feature map to make; (T,) of a series, (D, H, W) of a volume.
      channels: the number of channels of each stage; the smallest map has those of the first.
      blocks, attention, heads: as in `ResidualEncoder`, before each doubling.
      skips: whether each stage is told z anew, by a dense layer to its channels; else z reaches all
        but the first by way of it alone.
      up, axes, grid: as in `ConvDecoder`.
      kernel_size: of the convolutions that double.
      activation, norm, dropout, dtype: as in `MLP`.

    Reference: of the skips, Dieng et al. 2019, arXiv 1807.04863.
    """

    image_size: tuple[int, ...]
    channels: tuple[int, ...]
    blocks: int = 1
    attention: tuple[int, ...] = ()
    heads: int = 1
    skips: bool = False
    up: Callable[..., Array] = transposed
    kernel_size: int = 4
    axes: int = 2
    grid: bool = False
    activation: Activation = nn.relu
    norm: Norm | None = None
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, z: Event, c: Array | None = None) -> Array:
        """Features [H, W, channels[-1]] of z (any shape) and c ([Dc])."""
        given = flatten(z, c)
        first, *sizes = doublings(self.image_size, len(self.channels), self.axes)
        _check_attention(self.attention, [size[0] for size in (first, *sizes[:-1])])
        layer: dict[str, Any] = {"kernel_init": default_init(self.activation), "dtype": self.dtype}
        features = smallest(z, c, (*first, self.channels[0]), self.grid, **layer)
        for channels, size in zip(self.channels, sizes, strict=True):
            features = _stage(self, features)
            features = self.up(features, size, **_resizing(self, channels))
            if self.skips:
                features = features + self._dense(channels)(given)[(None,) * self.axes]
        return self.activation(normalize(features, self.norm))

    def _dense(self, width: int) -> nn.Dense:
        return nn.Dense(width, kernel_init=default_init(self.activation), dtype=self.dtype)


Body = ResidualEncoder | ResidualDecoder


def _stage(body: Body, features: Array) -> Array:
    """The blocks at one size, and the attention, if it has some."""
    how: dict[str, Any] = {"norm": body.norm, "dtype": body.dtype}
    for _ in range(body.blocks):
        features = Residual(body.activation, dropout=body.dropout, **how)(features)
    if features.shape[0] in body.attention:
        features = Attention(body.heads, **how)(features)
    return features


def _resizing(body: Body, channels: int) -> dict[str, Any]:
    return {
        "features": channels,
        "kernel_size": (body.kernel_size,) * body.axes,
        "kernel_init": nn.initializers.lecun_normal(),  # no activation comes between
        "dtype": body.dtype,
    }


def _check_attention(attention: tuple[int, ...], heights: list[int]) -> None:
    """ValueError where a height is none of those that there are."""
    for height in attention:
        if height not in heights:
            raise ValueError(
                f"There is no map of height {height} to attend in: the stages have the heights"
                f" {sorted(heights)}; attention=(...) names some of these."
            )
