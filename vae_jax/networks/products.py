"""Convolutions as matrix products, for CPUs.

On a CPU, XLA has a fast kernel for a convolution, and none for the gradient of a strided or a
transposed one: docs/design.md has the ratio. But a convolution of stride s over pixels is one
of stride 1 over blocks of s x s pixels, which is a product: of the windows, as rows, with the
kernel, as a matrix. A transposed convolution is the same with the blocks at the other end. The
numbers are those of `jax.lax.conv_general_dilated` and `jax.lax.conv_transpose`, but for rounding,
and those two are what other devices run. Which a program takes, is known where it is lowered
(`jax.lax.platform_dependent`), and not before: a process on a CPU may lower one for a TPU.
"""

import math
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from flax.typing import Dtype, Initializer
from jax import lax

from vae_jax.types import Array

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class Conv(nn.Module):
    """`nn.Conv` of one image, with padding "SAME".

    Args:
      features: F, the number of channels of the result.
      kernel_size: (height, width).
      stride: s, of both.
      kernel_init: initializer of the kernel.
      dtype: of the arithmetic.
    """

    features: int
    kernel_size: tuple[int, int]
    stride: int = 1
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[H, W, C] -> [ceil(H / s), ceil(W / s), F]."""
        x, kernel, bias = _parameters(self, x)
        return convolved(x, kernel, self.stride) + bias


class ConvTranspose(nn.Module):
    """`nn.ConvTranspose` of one image, with padding "SAME"; its options are those of `Conv`."""

    features: int
    kernel_size: tuple[int, int]
    stride: int = 1
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[H, W, C] -> [s H, s W, F]."""
        x, kernel, bias = _parameters(self, x)
        return transpose_convolved(x, kernel, self.stride) + bias


def convolved(x: Array, kernel: Array, stride: int) -> Array:
    """A convolution with padding "SAME", [H, W, C] -> [ceil(H / s), ceil(W / s), F].

    Args:
      x: an image.
      kernel: [h, w, C, F].
      stride: s.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(_product_convolution, s=stride),
        default=partial(_convolution, s=stride),
    )


def transpose_convolved(x: Array, kernel: Array, stride: int) -> Array:
    """A transposed convolution with padding "SAME", [H, W, C] -> [s H, s W, F].

    Args:
      x: an image.
      kernel: [h, w, C, F].
      stride: s.
    """
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(_product_transposed, s=stride),
        default=partial(_transposed, s=stride),
    )


def _parameters(layer: Conv | ConvTranspose, x: Array) -> tuple[Array, Array, Array]:
    """x, and the layer's kernel and bias [1, 1, F], in its type of arithmetic."""
    shape = (*layer.kernel_size, x.shape[-1], layer.features)
    kernel = layer.param("kernel", layer.kernel_init, shape, jnp.float32)
    bias = layer.param("bias", nn.initializers.zeros, (layer.features,), jnp.float32)
    x, kernel, bias = promote_dtype(x, kernel, bias, dtype=layer.dtype)
    return x, kernel, bias[None, None]


def _convolution(x: Array, kernel: Array, s: int) -> Array:
    how: Any = {"padding": "SAME", "dimension_numbers": _LAYOUT}
    return lax.conv_general_dilated(x[None], kernel, (s, s), **how)[0]


def _transposed(x: Array, kernel: Array, s: int) -> Array:
    return lax.conv_transpose(x[None], kernel, (s, s), "SAME", dimension_numbers=_LAYOUT)[0]


def _product_convolution(x: Array, kernel: Array, s: int) -> Array:
    (H, W, _), (kh, kw, C, F) = x.shape, kernel.shape
    h, w, qh, qw = -(-H // s), -(-W // s), -(-kh // s), -(-kw // s)  # in blocks: result, kernel
    (top, _), (left, _) = lax.padtype_to_pads((H, W), (kh, kw), (s, s), "SAME")
    x = _framed(x, top, left, (h + qh - 1) * s, (w + qw - 1) * s)
    kernel = _framed(kernel, 0, 0, qh * s, qw * s).reshape(qh, s, qw, s, C, F)
    matrix = kernel.transpose(5, 0, 2, 1, 3, 4).reshape(F, -1)
    return _product(_windows(_blocks(x, s), qh, qw), matrix)


def _product_transposed(x: Array, kernel: Array, s: int) -> Array:
    (H, W, C), (kh, kw, _, F) = x.shape, kernel.shape
    qh, qw = -(-kh // s), -(-kw // s)  # blocks that a pixel reaches
    kernel = _framed(kernel[::-1, ::-1], 0, 0, qh * s, qw * s).reshape(qh, s, qw, s, C, F)
    matrix = kernel[::-1, :, ::-1].transpose(1, 3, 5, 0, 2, 4).reshape(s * s * F, -1)
    x = jnp.pad(x, ((qh - 1, qh - 1), (qw - 1, qw - 1), (0, 0)))
    y = _pixels(_product(_windows(x, qh, qw), matrix), s)
    return _framed(y, -_cropped(kh, s), -_cropped(kw, s), s * H, s * W)


def _product(x: Array, matrix: Array) -> Array:
    """[h, w, C], [F, C] -> [h, w, F]."""
    # Channels last in both: the gradient of a matrix [C, F] would be a product that XLA has no
    # fast kernel for.
    return lax.dot_general(x, matrix, (((2,), (1,)), ((), ())))


def _windows(x: Array, height: int, width: int) -> Array:
    """[H, W, C] -> [H - height + 1, W - width + 1, height * width * C]."""
    h, w = x.shape[0] - height + 1, x.shape[1] - width + 1
    shifted = [x[a : a + h, b : b + w] for a in range(height) for b in range(width)]
    return jnp.concatenate(shifted, axis=-1)


def _blocks(x: Array, s: int) -> Array:
    """[s h, s w, C] -> [h, w, s s C]."""
    H, W, C = x.shape
    return x.reshape(H // s, s, W // s, s, C).swapaxes(1, 2).reshape(H // s, W // s, s * s * C)


def _pixels(x: Array, s: int) -> Array:
    """[h, w, s s C] -> [s h, s w, C]."""
    h, w, sizes = x.shape
    return x.reshape(h, w, s, s, sizes // (s * s)).swapaxes(1, 2).reshape(s * h, s * w, -1)


def _framed(x: Array, top: int, left: int, height: int, width: int) -> Array:
    """x behind `top` rows and `left` columns of zeros, to height x width; negative ones are cut."""
    below, right = height - top - x.shape[0], width - left - x.shape[1]
    edges: list[Any] = [(top, below, 0), (left, right, 0), *[(0, 0, 0)] * (x.ndim - 2)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _cropped(size: int, s: int) -> int:
    """What "SAME" cuts off the beginning of a transposed convolution."""
    return 0 if s > size - 1 else size - 1 - math.ceil((size + s - 2) / 2)
