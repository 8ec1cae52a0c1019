"""Centres of vectors, by Lloyd's iterations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Key


class Centres(NamedTuple):
    """Fields:
    centres: [K, D].
    share: of the vectors that are nearest to each, [K].
    """

    centres: Array
    share: Array


def kmeans(key: Key, vectors: Array, num: int, *, iterations: int = 10) -> Centres:
    """K centres of M vectors [M, D], from vectors drawn of them; one that is nearest to none stays.

    Each iteration lowers sum_m min_k |v_m - c_k|^2, or ends at a minimum, which is a local one.

    Reference: Lloyd 1982, "Least squares quantization in PCM".
    """
    M = len(vectors)
    drawn = jax.random.choice(key, M, (num,), replace=num > M)

    def better(_: int, centres: Array) -> Array:
        chosen = jax.nn.one_hot(nearest(vectors, centres), num)
        count = jnp.sum(chosen, axis=0)[:, None]
        means = chosen.T @ vectors / jnp.maximum(count, 1)
        return jnp.where(count > 0, means, centres)

    centres = jax.lax.fori_loop(0, iterations, better, vectors[drawn])
    share = jax.nn.one_hot(nearest(vectors, centres), num).mean(axis=0)
    return Centres(centres, share)


def nearest(vectors: Array, centres: Array) -> Array:
    """Which of the centres [K, D] each vector is nearest to, [M]."""
    return jnp.argmin(jnp.sum(centres**2, axis=1)[None] - 2 * vectors @ centres.T, axis=1)
