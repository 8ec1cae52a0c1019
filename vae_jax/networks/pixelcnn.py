"""Gated convolutions of images that are masked: each value is told those before it.

Two stacks of layers, so that no pixel is out of sight: the vertical one sees the rows above, to
both sides; the horizontal one is told that, and sees what is to the left in its own row. The values
of one pixel are in order too: red, then green given red, then blue given both.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from flax.typing import Dtype

from vae_jax.networks.sequences import as_numbers
from vae_jax.networks.wavenet import gate
from vae_jax.types import Array


class GatedPixelCNN(nn.Module):
    """A decoder of images [H, W, C]; in a head it reads x by `preprocess`, about in [-1, 1].

        v' = gate(conv(v) + S z),   h' = h + W gate(conv(h) + L conv(v) + S z)

    A draw makes each row of the vertical stack and each pixel of the horizontal one once (by pixels
    twice: at last with the values that were drawn there).

    With L layers a pixel sees L r rows up and L r columns to each side, r half the kernel's size.

    Args:
      width: of the features of the vertical stack, and of those of each of the C values.
      layers: L.
      kernel_size: of the convolutions, odd; the part that is masked is not computed.
      by_pixel: the places are pixels, whose values are drawn together: for a head that has an order
        of its own inside of a pixel, as `ColourLogisticsHead` has.
      dtype: of the arithmetic, as in `MLP`.

    Reference: van den Oord et al. 2016, arXiv 1606.05328, fig. 2 and eq. 4, z in the place of the
    class; here without skips to the end.
    """

    width: int = 32
    layers: int = 5
    kernel_size: int = 5
    by_pixel: bool = False
    dtype: Dtype | None = None

    stepwise = True

    @property
    def axes(self) -> int:
        """Of an image, how many are those of places."""
        return 2 if self.by_pixel else 3

    def setup(self) -> None:
        """The layers; the first of each stack does not see the place itself."""
        if self.kernel_size % 2 == 0 or self.kernel_size < 3 or self.layers < 1:
            raise ValueError(
                "GatedPixelCNN needs kernel_size=3, 5, ... and layers=1 or more; got"
                f" {self.kernel_size} and {self.layers}."
            )
        how = (self.width, self.kernel_size // 2)
        first = [True] + [False] * (self.layers - 1)
        self.vertical = [_Vertical(*how, one, self.dtype) for one in first]
        self.horizontal = [_Horizontal(*how, one, self.dtype) for one in first]

    def __call__(self, features: Array, x: Array) -> Array:
        """The features of a latent, [F] or [H, W, F], an image [H, W, C] -> [H, W, C, width]; by
        pixels [H, W, width]."""
        x, told, r = _image(x, self.dtype), _map(features), self.kernel_size // 2
        v, h = x, x[..., None]
        for vertical, horizontal in zip(self.vertical, self.horizontal, strict=True):
            raw = vertical(_padded(v, (r, 0), (r, r)), told)
            v, h = gate(raw), horizontal(_padded(h, (0, 0), (r, 0)), raw, told)
        return nn.gelu(h[:, :, 0] if self.by_pixel else h)  # what is known of a pixel's first value

    def begin(self, features: Array, x: Array) -> "_Carried":
        """Maps of the vertical stack, and rows of both, without anything in them."""
        del features
        (H, W, C), w, r = x.shape, self.width, self.kernel_size // 2
        empty = partial(jnp.zeros, dtype=self.dtype or jnp.float32)
        maps = [empty((H + r, W + 2 * r, w)) for _ in range(self.layers)]
        raws = [empty((1, W, 2 * w)) for _ in range(self.layers)]
        return _Carried(maps, raws, [empty((1, W + r, C, w)) for _ in range(self.layers)])

    def step(
        self, features: Array, carried: "_Carried", x: Array, place: Array
    ) -> tuple["_Carried", Array]:
        """What is carried on, and the features of one value, or pixel, [width]."""
        x, told = _image(x, self.dtype), _map(features)
        C = x.shape[-1]
        place = place * C if self.by_pixel else place
        row, column, channel = jnp.unravel_index(place, x.shape)
        begins = (column == 0) & (channel == 0)
        given = carried, x, told, row
        carried = nn.cond(begins, lambda self, *of: self._down(*of), _as_before, self, *given)
        if self.by_pixel:  # the one before, whose last value is known by now
            last = (row, jnp.maximum(column - 1, 0), jnp.asarray(C - 1))
            carried, _ = self._along(carried, x, told, last)
        return self._along(carried, x, told, (row, column, channel))

    def _down(self, carried: "_Carried", x: Array, told: Array, row: Array) -> "_Carried":
        """The vertical stack at one more row."""
        r, told = self.kernel_size // 2, _part(told, row, 0)
        maps, raws, source = [], [], _padded(x, (r, 0), (r, r))
        for vertical, own in zip(self.vertical, carried.maps, strict=True):
            raws.append(vertical(_slice(source, row, r + 1, 0), told))
            source = jax.lax.dynamic_update_slice(own, gate(raws[-1]), (row + r, r, 0))
            maps.append(source)
        return carried._replace(maps=maps, raws=raws)

    def _along(
        self, carried: "_Carried", x: Array, told: Array, at: tuple[Array, ...]
    ) -> tuple["_Carried", Array]:
        """The horizontal stack at one more pixel, or at another value of the same."""
        (row, column, channel), r = at, self.kernel_size // 2
        told = _part(_part(told, row, 0), column, 1)
        source = _padded(_slice(x, row, 1, 0)[..., None], (0, 0), (r, 0))
        rows = []
        layers = zip(self.horizontal, carried.raws, carried.rows, strict=True)
        for horizontal, raw, own in layers:
            made = horizontal(_slice(source, column, r + 1, 1), _slice(raw, column, 1, 1), told)
            source = jax.lax.dynamic_update_slice(own, made, (0, column + r, 0, 0))
            rows.append(source)
        return carried._replace(rows=rows), nn.gelu(made)[0, 0, channel]


class _Carried(NamedTuple):
    """Of each layer, in a draw: what the vertical stack has made, padded; at this row before the
    gate; and what the horizontal stack has made at this row, padded."""

    maps: list[Array]  # [H + r, W + 2 r, width]
    raws: list[Array]  # [1, W, 2 width]
    rows: list[Array]  # [1, W + r, C, width]


class _Vertical(nn.Module):
    """What the rows above give, before the gate; of the layers after the first what is in the row
    itself, too, which knows of those above alone."""

    width: int
    reach: int
    first: bool
    dtype: Dtype | None

    @nn.compact
    def __call__(self, padded: Array, told: Array) -> Array:
        """[n + r, m + 2 r, F] -> [n, m, 2 width]."""
        r, F = self.reach, 2 * self.width
        n, m = padded.shape[0] - r, padded.shape[1] - 2 * r
        rows = r if self.first else r + 1
        seen = [padded[y : y + n, x : x + m] for y in range(rows) for x in range(2 * r + 1)]
        made = nn.Dense(F, dtype=self.dtype)(jnp.concatenate(seen, axis=-1))
        return made + nn.Dense(F, use_bias=False, dtype=self.dtype)(told)


class _Horizontal(nn.Module):
    """What is to the left, what is known of the pixel itself, and what the vertical stack gives."""

    width: int
    reach: int
    first: bool
    dtype: Dtype | None

    @nn.compact
    def __call__(self, padded: Array, raw: Array, told: Array) -> Array:
        """[n, m + r, C, F] -> [n, m, C, width]."""
        n, m, C = padded.shape[0], padded.shape[1] - self.reach, padded.shape[2]
        own = padded[:, self.reach :]
        left = [padded[:, x : x + m].reshape(n, m, -1) for x in range(self.reach)]
        seen = jnp.concatenate([*left, raw], axis=-1)
        inside = nn.Dense(C * 2 * self.width, dtype=self.dtype)(seen)
        inside += nn.Dense(C * 2 * self.width, use_bias=False, dtype=self.dtype)(told)
        inside = inside.reshape(n, m, C, -1)
        inside += _Before(2 * self.width, itself=not self.first, dtype=self.dtype)(own)
        out = _Before(self.width, itself=True, dtype=self.dtype)(gate(inside))
        return out if self.first else own + out


class _Before(nn.Module):
    """A dense layer of the values of one pixel, [..., C, F], each of those before it."""

    features: int
    itself: bool
    dtype: Dtype | None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        *_, C, F = x.shape
        init = nn.initializers.lecun_normal(in_axis=(0, 1), out_axis=(2, 3))
        kernel = self.param("kernel", init, (C, F, C, self.features), jnp.float32)
        x, kernel = promote_dtype(x, kernel, dtype=self.dtype)
        before = jnp.triu(jnp.ones((C, C), bool), 0 if self.itself else 1)  # [from, to]
        return jnp.einsum("...cf,cfdg->...dg", x, jnp.where(before[:, None, :, None], kernel, 0))


def _image(x: Array, dtype: Any) -> Array:
    if jnp.ndim(x) != 3:
        raise ValueError(
            f"GatedPixelCNN takes one image [H, W, C], and was given an array of shape"
            f" {jnp.shape(x)}. Add a channel axis to a grey image, x[..., None]; map over a batch"
            " with jax.vmap."
        )
    return as_numbers(x, dtype)


def _map(features: Array) -> Array:
    """The features of a latent, the same for all pixels, or each pixel's own."""
    return features if features.ndim == 3 else jnp.ravel(features)[None, None]


def _padded(x: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
    return jnp.pad(x, [rows, columns] + [(0, 0)] * (x.ndim - 2))


def _part(told: Array, place: Array, axis: int) -> Array:
    """Of features of each pixel those of one row, or column; of one vector itself."""
    return told if told.shape[axis] == 1 else _slice(told, place, 1, axis)


def _slice(x: Array, place: Array, size: int, axis: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(x, place, size, axis)


def _as_before(network: Any, carried: _Carried, *others: Any) -> _Carried:
    return carried
