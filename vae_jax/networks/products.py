"""Convolutions as matrix products, for CPUs.

On a CPU, XLA has a fast kernel for a convolution, and none for the gradient of a strided or a
transposed one: docs/design.md has the ratio. But a convolution of stride s over pixels is one
of stride 1 over blocks of s x s pixels, which is a product: of the windows, as rows, with the
kernel, as a matrix. A transposed convolution is the same with the blocks at the other end. The
numbers are those of `jax.lax.conv_general_dilated` and `jax.lax.conv_transpose`, but for rounding,
and those two are what other devices run. Which a program takes, is known where it is lowered
(`jax.lax.platform_dependent`), and not before: a process on a CPU may lower one for a TPU.
"""

import itertools
import math
import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from flax.typing import Dtype, Initializer
from jax import lax

from vae_jax.types import Array

_LAYOUTS = {  # by how many axes positions have: of a series, an image, a volume
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}


class Conv(nn.Module):
    """`nn.Conv` of one image, with padding "SAME"; or of a series [T, C], a volume [D, H, W, C].

    Args:
      features: F, the number of channels of the result.
      kernel_size: (height, width), a size for each axis of positions.
      stride: s, of all.
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
    """`nn.ConvTranspose` of one image (series, volume), with padding "SAME"; its options are those
    of `Conv`."""

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
      x: an image; or a series [T, C], a volume [D, H, W, C].
      kernel: [h, w, C, F], a size for each axis of positions.
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
      x: an image; or a series [T, C], a volume [D, H, W, C].
      kernel: [h, w, C, F], a size for each axis of positions.
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
    return x, kernel, jnp.expand_dims(bias, range(x.ndim - 1))


def _convolution(x: Array, kernel: Array, s: int) -> Array:
    n = x.ndim - 1
    how: Any = {"padding": "SAME", "dimension_numbers": _LAYOUTS[n]}
    return lax.conv_general_dilated(x[None], kernel, (s,) * n, **how)[0]


def _transposed(x: Array, kernel: Array, s: int) -> Array:
    n = x.ndim - 1
    how: Any = {"padding": "SAME", "dimension_numbers": _LAYOUTS[n]}
    return lax.conv_transpose(x[None], kernel, (s,) * n, **how)[0]


def _product_convolution(x: Array, kernel: Array, s: int) -> Array:
    *sizes, _ = x.shape
    *widths, _, F = kernel.shape
    result, reach = [-(-size // s) for size in sizes], _in_blocks(widths, s)
    pads = lax.padtype_to_pads(sizes, widths, [s] * len(sizes), "SAME")
    whole = [(h + q - 1) * s for h, q in zip(result, reach, strict=True)]
    x = _framed(x, [before for before, _ in pads], whole)
    kernel = _kernel_blocks(kernel, reach, s)
    n = len(sizes)
    matrix = kernel.transpose(2 * n + 1, *range(0, 2 * n, 2), *range(1, 2 * n, 2), 2 * n)
    return _product(_windows(_blocks(x, s), reach), matrix.reshape(F, -1))


def _product_transposed(x: Array, kernel: Array, s: int) -> Array:
    *sizes, _ = x.shape
    *widths, _, F = kernel.shape
    n, reach = len(sizes), _in_blocks(widths, s)  # blocks that a pixel reaches
    kernel = _kernel_blocks(jnp.flip(kernel, range(n)), reach, s)
    kernel = jnp.flip(kernel, range(0, 2 * n, 2))
    order = (*range(1, 2 * n, 2), 2 * n + 1, *range(0, 2 * n, 2), 2 * n)
    matrix = kernel.transpose(order).reshape(s**n * F, -1)
    x = jnp.pad(x, [*((q - 1, q - 1) for q in reach), (0, 0)])
    y = _pixels(_product(_windows(x, reach), matrix), s)
    return _framed(y, [-_cropped(width, s) for width in widths], [s * size for size in sizes])


def _in_blocks(widths: Sequence[int], s: int) -> list[int]:
    """How many blocks a kernel covers, of each axis."""
    return [-(-width // s) for width in widths]


def _kernel_blocks(kernel: Array, reach: Sequence[int], s: int) -> Array:
    """[*widths, C, F] -> [q, s, q, s, ..., C, F], filled up with zeros."""
    framed = _framed(kernel, [0] * len(reach), [q * s for q in reach])
    return framed.reshape(*(size for q in reach for size in (q, s)), *kernel.shape[-2:])


def _product(x: Array, matrix: Array) -> Array:
    """[h, w, C], [F, C] -> [h, w, F]."""
    # Channels last in both: the gradient of a matrix [C, F] would be a product that XLA has no
    # fast kernel for.
    return lax.dot_general(x, matrix, (((x.ndim - 1,), (1,)), ((), ())))


def _windows(x: Array, widths: Sequence[int]) -> Array:
    """[H, W, C] -> [H - height + 1, W - width + 1, height * width * C]."""
    ends = [size - width + 1 for size, width in zip(x.shape, widths, strict=False)]
    places = itertools.product(*map(range, widths))
    shifted = [x[tuple(map(slice, at, map(operator.add, at, ends)))] for at in places]
    return jnp.concatenate(shifted, axis=-1)


def _blocks(x: Array, s: int) -> Array:
    """[s h, s w, C] -> [h, w, s s C]."""
    *sizes, C = x.shape
    n = len(sizes)
    split = x.reshape(*(part for size in sizes for part in (size // s, s)), C)
    return split.transpose(*range(0, 2 * n, 2), *range(1, 2 * n, 2), 2 * n).reshape(
        *(size // s for size in sizes), s**n * C
    )


def _pixels(x: Array, s: int) -> Array:
    """[h, w, s s C] -> [s h, s w, C]."""
    *sizes, _ = x.shape
    n = len(sizes)
    split = x.reshape(*sizes, *[s] * n, -1)
    order = (*(axis for i in range(n) for axis in (i, n + i)), 2 * n)
    return split.transpose(order).reshape(*(s * size for size in sizes), -1)


def _framed(x: Array, before: Sequence[int], sizes: Sequence[int]) -> Array:
    """x behind so many zeros along each of its first axes, to these sizes; negative are cut."""
    edges: list[Any] = [
        (b, size - b - own, 0) for b, size, own in zip(before, sizes, x.shape, strict=False)
    ]
    return lax.pad(x, jnp.zeros((), x.dtype), edges + [(0, 0, 0)] * (x.ndim - len(edges)))


def _cropped(size: int, s: int) -> int:
    """What "SAME" cuts off the beginning of a transposed convolution."""
    return 0 if s > size - 1 else size - 1 - math.ceil((size + s - 2) / 2)
