"""Transformers of sequences."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Dtype

from vae_jax.networks.bodies import drop
from vae_jax.networks.norms import normalize
from vae_jax.networks.sequences import (
    as_numbers,
    before,
    behind,
    check_sequence,
    known,
    with_gaps,
)
from vae_jax.types import Array

_ZEROS = nn.initializers.zeros
Pair = tuple[Array, Array]  # keys and values, [n, heads, F / heads]


class Cache(NamedTuple):
    """What a block holds through a draw.

    Fields:
      places: of all T places, filled in as they come.
      tokens: of what it attends to besides, once and for all; None of nothing.
    """

    places: Pair
    tokens: Pair | None = None


class Tokens(nn.Module):
    """Keys and values of tokens, latents or an encoder's features, for a block to attend to.

    Args:
      heads, width, dtype: as in `CausalTransformer`.
    """

    heads: int
    width: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, tokens: Array) -> Pair:
        """Of tokens [N, M], [N, heads, F / heads] each."""
        both = nn.Dense(2 * self.width, dtype=self.dtype)(normalize(tokens, nn.LayerNorm))
        keys, values = jnp.split(both.reshape(len(tokens), self.heads, -1), 2, axis=-1)
        return keys, values


class Block(nn.Module):
    """Attention of some places to those that they see, then two dense layers; each added to its
    input, and nothing at first.

        h + attention(norm(h)),   then   h + dense(gelu(dense(norm(h))))

    Between the two it attends to the tokens that the cache has, if any.

    Args:
      heads: of the attention; must divide the width.
      dropout, dtype: as in `MLP`.

    Reference: Vaswani et al. 2017, arXiv 1706.03762; the norm before, Xiong et al. 2020,
    arXiv 2002.04745.
    """

    heads: int
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(
        self, h: Array, cache: Cache, place: Array | int, seen: Array
    ) -> tuple[Array, Cache]:
        """The places [n, F] from `place` on -> the same, and the cache with theirs in it.

        Args:
          h: features.
          cache: of all T places, and of tokens, which all see.
          place: the first.
          seen: which places each sees, [n, T] bool; one at least.
        """
        n, width = h.shape
        qkv = self._dense(3 * width)(normalize(h, nn.LayerNorm))
        q, *own = jnp.split(qkv.reshape(n, self.heads, -1), 3, axis=-1)
        keys, values = (
            jax.lax.dynamic_update_slice(all_, new.astype(all_.dtype), (place, 0, 0))
            for all_, new in zip(cache.places, own, strict=True)
        )
        attended = attend(q, keys, values, seen).reshape(n, width)
        h = h + drop(self, self._dense(width, kernel_init=_ZEROS)(attended))
        if cache.tokens is not None:
            h = h + drop(self, self._recalled(h, *cache.tokens))
        inside = nn.gelu(self._dense(4 * width)(normalize(h, nn.LayerNorm)))
        h = h + drop(self, self._dense(width, kernel_init=_ZEROS)(inside))
        return h, cache._replace(places=(keys, values))

    def _recalled(self, h: Array, keys: Array, values: Array) -> Array:
        n, width = h.shape
        q = self._dense(width)(normalize(h, nn.LayerNorm)).reshape(n, self.heads, -1)
        attended = attend(q, keys, values, jnp.ones((n, len(keys)), bool))
        return self._dense(width, kernel_init=_ZEROS)(attended.reshape(n, width))

    def _dense(self, width: int, **how: Any) -> nn.Dense:
        return nn.Dense(width, dtype=self.dtype, **how)


def attend(queries: Array, keys: Array, values: Array, seen: Array) -> Array:
    """Means of the values, weighed by how the keys fit, [n, heads, F].

        softmax_j(q_i k_j / sqrt(F))  v_j   over the j that i sees

    Args:
      queries: [n, heads, F].
      keys, values: [T, heads, F].
      seen: [n, T] bool.

    Reference: Vaswani et al. 2017, arXiv 1706.03762, eq. 1.
    """
    fit = jnp.einsum("ihf,jhf->hij", queries, keys) / jnp.sqrt(queries.shape[-1])
    weights = jax.nn.softmax(jnp.where(seen[None], fit.astype(jnp.float32), -jnp.inf))
    return jnp.einsum("hij,jhf->ihf", weights.astype(values.dtype), values)


class CausalTransformer(nn.Module):
    """A decoder of sequences: each place attends to those before it, and all are told the latent.

    Of features that are a vector [F'] a layer is added to the embedding of every place, with a
    place's own, which is learned; to those that are tokens [N, F'] all places attend, in each
    block.

    Args:
      length: T, of the sequences.
      width: F, of the features; a multiple of `heads`.
      layers: blocks.
      heads: of the attention.
      word_dropout: probability that a place is not told what is before it, in training.
      dropout: after attention and dense layers; `dtype` of the arithmetic, as in `MLP`.

    Reference: Vaswani et al. 2017, arXiv 1706.03762.
    """

    length: int
    width: int = 128
    layers: int = 2
    heads: int = 4
    word_dropout: float = 0.0
    dropout: float = 0.0
    dtype: Dtype | None = None

    axes = 1
    stepwise = True

    def setup(self) -> None:
        """The keys and values of tokens, of each block."""
        own = (self.heads, self.width, self.dtype)
        self.tokens = [Tokens(*own) for _ in range(self.layers)]

    def __call__(self, features: Array, x: Array) -> Array:
        """The features of a latent, [F'] or [N, F'], a sequence [T, D] -> [T, F]."""
        check_sequence(x, self.length)
        read = with_gaps(self, behind(as_numbers(x, self.dtype)))
        return self.run(features, read, self.begin(features, x), 0)[0]

    def begin(self, features: Array, x: Array) -> list[Cache]:
        """What each block holds before there is a place: of tokens their keys and values."""
        del x
        empty = _empty(self, self.length)
        if features.ndim != 2:
            return [empty] * self.layers
        return [empty._replace(tokens=tokens(features)) for tokens in self.tokens]

    def step(self, features: Array, carried: Any, x: Array, place: Array) -> tuple[Any, Array]:
        """What is carried on, and the features of one place, [F]."""
        read = before(as_numbers(x, self.dtype), place)
        made, carried = self.run(features, read, carried, place)
        return carried, made[0]

    @nn.compact
    def run(
        self, features: Array, read: Array, caches: list[Cache], place: Array | int
    ) -> tuple[Array, list[Cache]]:
        """The places that read what is before them, [n, D], from `place` on."""
        n = len(read)
        all_places = self.param("places", nn.initializers.normal(0.02), (self.length, self.width))
        own = jax.lax.dynamic_slice_in_dim(all_places, place, n)
        h = nn.Dense(self.width, name="embed", dtype=self.dtype)(read)
        h += own.astype(h.dtype)
        if features.ndim != 2:
            h += nn.Dense(self.width, name="told", dtype=self.dtype)(features)[None]
        seen = jnp.arange(self.length)[None] <= place + jnp.arange(n)[:, None]
        filled = []
        for cache in caches:
            h, cache = Block(self.heads, self.dropout, self.dtype)(h, cache, place, seen)
            filled.append(cache)
        return normalize(h, nn.LayerNorm), filled


class TransformerEncoder(nn.Module):
    """A sequence to a feature vector: all places attend to all, and the mean of them is taken.

    Args:
      length: the most that a sequence may have, with its padding.
      width, layers, heads, dropout, dtype: as in `CausalTransformer`.
    """

    length: int
    width: int = 128
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: Array, c: Array | None = None) -> Array:
        """Features [width] of x [T, D], of which c are no padding; of none of them, zeros."""
        x, inside = known(x, c, self.dtype)
        T = len(x)
        if self.length < T:
            raise ValueError(f"A sequence has {T} places, and this encoder length={self.length}.")
        places = self.param("places", nn.initializers.normal(0.02), (self.length, self.width))
        h = nn.Dense(self.width, name="embed", dtype=self.dtype)(x)
        h += places[:T].astype(h.dtype)
        seen = inside[None] | jnp.eye(T, dtype=bool)  # softmax of nothing is NaN
        for _ in range(self.layers):
            block = Block(self.heads, self.dropout, self.dtype)
            h, _ = block(h, _empty(self, T), 0, seen)
        h = jnp.where(inside[:, None], normalize(h, nn.LayerNorm), 0)
        return jnp.sum(h, axis=0) / jnp.maximum(jnp.sum(inside), 1).astype(h.dtype)


def _empty(network: CausalTransformer | TransformerEncoder, length: int) -> Cache:
    """The cache of one block, of nothing."""
    if network.width % network.heads:
        raise ValueError(f"heads={network.heads} must divide width={network.width}.")
    shape = (length, network.heads, network.width // network.heads)
    empty = jnp.zeros(shape, network.dtype or jnp.float32)
    return Cache((empty, empty))
