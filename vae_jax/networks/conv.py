"""Convolutional bodies for images [H, W, C] of any size; for series [T, C], volumes [D, H, W, C].

Called as the other bodies are (see `bodies`). Each stage of the encoder halves the image, rounding
up: 28 -> 14 -> 7 -> 4. The decoder goes through the same sizes backwards, and ends exactly at H, W.
How an image is made smaller or larger is a function: `strided` or `pooled`, `transposed` or
`resized`. On a CPU the first of each is a matrix product (see `products`); the second is not, and
needs `train_epoch(..., scan=False)` there.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.networks.bodies import check_condition, drop, flatten
from vae_jax.networks.init import Activation, default_init
from vae_jax.networks.norms import Norm, normalize
from vae_jax.networks.products import Conv, ConvTranspose
from vae_jax.types import Array, Event


def strided(x: Array, **layer: Any) -> Array:
    """Half the size by a convolution of stride 2."""
    return Conv(stride=2, **layer)(x)


def pooled(x: Array, **layer: Any) -> Array:
    """Half the size by a convolution, then the largest of each 2x2 pixels."""
    halved = (2,) * (x.ndim - 1)
    return nn.max_pool(nn.Conv(**layer)(x), halved, halved, padding="SAME")


def transposed(x: Array, size: tuple[int, ...], **layer: Any) -> Array:
    """Twice the size by a transposed convolution of stride 2, cropped to `size` at the end."""
    return ConvTranspose(stride=2, **layer)(x)[tuple(map(slice, size))]


def resized(x: Array, size: tuple[int, ...], **layer: Any) -> Array:
    """`size` by repeating pixels, then a convolution: no checkerboard.

    Reference: Odena, Dumoulin & Olah 2016, distill.pub/2016/deconv-checkerboard.
    """
    return nn.Conv(**layer)(jax.image.resize(x, (*size, x.shape[-1]), "nearest"))


class ConvEncoder(nn.Module):
    """Image to a feature vector: for each number of channels, down -> norm -> activation.

    Args:
      channels: the number of channels of each stage; each stage halves the image.
      down: `strided` or `pooled`, or your own (x, **options of nn.Conv) -> half the size.
      kernel_size: of the convolutions, height and width.
      axes: of positions: 2 of an image, 1 of a series [T, C], 3 of a volume [D, H, W, C].
      grid: whether it ends in the smallest map, [h, w, F], for a head with an event of each of its
        positions: codes, say.
      activation, norm, kernel_init, dropout, dtype: as in `MLP`.
    """

    channels: tuple[int, ...]
    down: Callable[..., Array] = strided
    kernel_size: int = 4
    axes: int = 2
    grid: bool = False
    activation: Activation = nn.relu
    norm: Norm | None = None
    kernel_init: Initializer | None = None
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """Features [h * w * channels[-1]] of x ([H, W, C]); c ([Dc]) becomes Dc more channels."""
        features = with_channels(x, c, self.axes)
        for channels in self.channels:
            features = self.down(features, **_layer(self, channels, self.axes))
            features = drop(self, self.activation(normalize(features, self.norm)))
        return features if self.grid else jnp.ravel(features)


class ConvDecoder(nn.Module):
    """Latent to a feature map: dense to the smallest map, then a stage for each number of channels.

    With `image_size=(28, 28), channels=(64, 32)`: dense -> [7, 7, 64] -> [14, 14, 64] ->
    [28, 28, 32]; norm and activation after each. A head with events [28, 28, ...] makes the
    parameters of each pixel from its 32 features.

    Args:
      image_size: (H, W) of the feature map to make; (T,) of a series, (D, H, W) of a volume.
      channels: the number of channels of each stage; the smallest map has those of the first.
      up: `transposed` or `resized`, or your own (x, size, **options of nn.Conv) -> that size.
      kernel_size: of the convolutions. A transposed one covers all pixels equally often if it is a
        multiple of the stride, 2.
      axes: as in `ConvEncoder`.
      grid: whether z has the smallest map's positions, [h, w, D]: then a convolution of 3x3 of
        these takes the place of the dense layer.
      activation, norm, kernel_init, dropout, dtype: as in `MLP`.
    """

    image_size: tuple[int, ...]
    channels: tuple[int, ...]
    up: Callable[..., Array] = transposed
    kernel_size: int = 4
    axes: int = 2
    grid: bool = False
    activation: Activation = nn.relu
    norm: Norm | None = None
    kernel_init: Initializer | None = None
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, z: Event, c: Array | None = None) -> Array:
        """Features [H, W, channels[-1]] of z (any shape) and c ([Dc])."""
        first, *sizes = doublings(self.image_size, len(self.channels), self.axes)
        how = {"kernel_init": self.kernel_init or default_init(self.activation)}
        features = smallest(z, c, (*first, self.channels[0]), self.grid, dtype=self.dtype, **how)
        features = self.activation(normalize(features, self.norm))
        for channels, size in zip(self.channels, sizes, strict=True):
            features = self.up(features, size, **_layer(self, channels, self.axes))
            features = drop(self, self.activation(normalize(features, self.norm)))
        return features


def smallest(z: Event, c: Array | None, shape: tuple[int, ...], grid: bool, **layer: Any) -> Array:
    """The smallest map [h, w, F] of z and c, in a compact method: by a dense layer of all of z, or
    by a convolution of a grid [h, w, D].

    Raises:
      ValueError: a grid of another size.
    """
    if not grid:
        return nn.Dense(math.prod(shape), **layer)(flatten(z, c)).reshape(shape)
    positions, features = shape[:-1], shape[-1]
    if jnp.shape(z)[:-1] != positions:
        raise ValueError(
            f"This decoder takes a grid [{', '.join(map(str, positions))}, D], grid=True, and was"
            f" given z of shape {list(jnp.shape(z))}: make its positions those of the smallest map."
        )
    size: Any = (3,) * len(positions)
    return Conv(features, size, **layer)(with_channels(z, c, len(positions)))


def _layer(body: ConvEncoder | ConvDecoder, channels: int, axes: int) -> dict[str, Any]:
    return {
        "features": channels,
        "kernel_size": (body.kernel_size,) * axes,
        "kernel_init": body.kernel_init or default_init(body.activation),
        "dtype": body.dtype,
    }


def with_channels(x: Array, c: Array | None, axes: int) -> Array:
    """x, and the values of c ([Dc]) as Dc more channels, the same everywhere.

    Raises:
      ValueError: x has not so many axes of positions, and one of channels.
    """
    if jnp.ndim(x) != axes + 1:
        what = {1: "series [T, C]", 2: "image [H, W, C]", 3: "volume [D, H, W, C]"}[axes]
        raise ValueError(
            f"This encoder takes one {what} and was given an array of shape {jnp.shape(x)}. Add a"
            " channel axis to a grey image, x[..., None]; map over a batch with jax.vmap; say"
            " axes=1 for series, axes=3 for volumes."
        )
    check_condition(c)
    if c is None:
        return x
    return jnp.concatenate([x, jnp.broadcast_to(c, (*x.shape[:-1], *c.shape))], axis=-1)


def doublings(image_size: tuple[int, ...], stages: int, axes: int) -> list[tuple[int, ...]]:
    """The sizes the encoder goes through, smallest first: 4, 7, 14, 28.

    Raises:
      ValueError: the size has another number of axes; no stages.
    """
    if len(image_size) != axes or stages == 0:
        raise ValueError(
            f"A decoder of axes={axes} was given image_size={image_size} and {stages} numbers of"
            " channels. It needs image_size=(H, W), without the channels of the image (those are"
            " the head's), (T,) for a series with axes=1, (D, H, W) for a volume with axes=3; and"
            " channels=(...) for one stage or more."
        )
    sizes = [tuple(image_size)]
    for _ in range(stages):
        sizes.append(tuple(-(-size // 2) for size in sizes[-1]))
    return sizes[::-1]
