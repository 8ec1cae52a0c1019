"""Tables of codes that follow the features by moving averages: the state's entry "codebook"."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.checks import check_within
from vae_jax.distributions import Quantised
from vae_jax.models.kmeans import kmeans, nearest
from vae_jax.types import Array, Key, Params

# Of an equal share of the stage that is used least, the last of P with dropout, 1 / P of the time:
_SMALLEST = 1e-3  # a count below it decays no further, 0 / 0 would be next
_LEAST_RESTART = 2e-3  # which a count that decays gets below
_POOL = 16_384  # vectors that centres are made of


class Averages(NamedTuple):
    """How the codes follow.

    Fields:
      decay: g, of the moving averages.
      restart: of an equal share, below which a code is put at a vector of the batch; 0 for never.
      kmeans: whether the first step makes them the centres of its batch.
      stages: whether each table is of what those before it leave over.
    """

    decay: float
    restart: float = 0.0
    kmeans: bool = False
    stages: bool = False

    def check(self) -> None:
        """ValueError for a decay or a share that is none."""
        if not 0 < self.decay < 1:
            raise ValueError(f"decay must be in (0, 1), such as 0.99; got {self.decay}.")
        if self.restart:
            check_within("restart", self.restart, _LEAST_RESTART, 1.0)


def first_averages(tables: Array, num_positions: int, averages: Averages) -> Params:
    """The entry of tables [P, K, D], each code as if chosen as often as the others."""
    P, K, _ = tables.shape
    counts = jnp.full((P, K), num_positions / K)
    entry = {"counts": counts, "sums": counts[..., None] * tables}
    return {**entry, "begun": jnp.zeros(())} if averages.kmeans else entry


def tables_of(entry: Params) -> Array:
    """The codes, [P, K, D]."""
    return entry["sums"] / entry["counts"][..., None]


def moved_averages(entry: Params, q: Quantised, key: Key, averages: Averages) -> Params:
    """The entry after one example, or rather its part of that: the mean over the batch is taken of
    all, as of everything else, and is right because they are linear in the example.

    Those that look at the whole batch, restarts and k-means, are the same of every example.
    """
    index = q.index()
    inputs = jax.lax.stop_gradient(q.codes.inputs(q.features, index))
    inputs = inputs.reshape(-1, *inputs.shape[-2:])  # [N, P, D]
    new = _followed(entry, inputs, index.reshape(inputs.shape[:2]), averages.decay)
    if not (averages.restart or averages.kmeans):
        return new
    restart_key, centres_key = jax.random.split(jax.lax.all_gather(key, "batch")[0])
    pool = jax.lax.all_gather(inputs, "batch").reshape(-1, *inputs.shape[1:])  # [B N, P, D]
    if averages.restart:
        used = index.reshape(inputs.shape[:2]) < q.codes.size[1]
        used = jax.lax.all_gather(used, "batch").reshape(len(pool), -1)
        new = _restarted(entry, new, restart_key, pool, used, averages.restart)
    if not averages.kmeans:
        return new
    pool_key, centres_key = jax.random.split(centres_key)
    pool = picked_vectors(pool_key, pool)
    first = lambda: _centred(entry, centres_key, pool, len(inputs), averages.stages)  # noqa: E731
    return jax.lax.cond(entry["begun"] > 0, lambda: new, first)


def picked_vectors(key: Key, pool: Array) -> Array:
    """Of many vectors so many as centres are made of, drawn: a stride would fall on positions."""
    if len(pool) <= _POOL:
        return pool
    return pool[jax.random.choice(key, len(pool), (_POOL,), replace=False)]


def _followed(entry: Params, inputs: Array, index: Array, decay: float) -> Params:
    P, K = entry["counts"].shape
    chosen = jax.nn.one_hot(index, K)  # [N, P, K]
    frozen = entry["counts"] < _SMALLEST * len(inputs) / (P * K)
    kept = jnp.where(frozen, 1.0, decay)
    counts = kept * entry["counts"] + (1 - decay) * jnp.sum(chosen, axis=0)
    new = (1 - decay) * jnp.einsum("npk,npd->pkd", chosen, inputs)
    return {**entry, "counts": counts, "sums": kept[..., None] * entry["sums"] + new}


def _restarted(
    entry: Params, new: Params, key: Key, pool: Array, used: Array, share: float
) -> Params:
    """Codes that are hardly used, at vectors of the batch, as if chosen as often as the others of
    their part; of a stage, vectors [B N] of the examples that use it [B N, P]."""
    P, K = entry["counts"].shape
    equal = jnp.mean(entry["counts"], axis=1, keepdims=True)  # [P, 1]
    draw = lambda key, own: jax.random.categorical(key, jnp.where(own, 0.0, -jnp.inf), shape=(K,))  # noqa: E731
    drawn = jax.vmap(draw)(jax.random.split(key, P), used.T)
    fresh = pool[drawn, jnp.arange(P)[:, None]]
    dead = (entry["counts"] < share * equal) & jnp.any(used, axis=0)[:, None]
    counts = jnp.where(dead, equal, new["counts"])
    sums = jnp.where(dead[..., None], equal[..., None] * fresh, new["sums"])
    return {**new, "counts": counts, "sums": sums}


def _centred(entry: Params, key: Key, pool: Array, num_positions: int, stages: bool) -> Params:
    """The centres of the batch, in the place of the first codes."""
    P, K = entry["counts"].shape
    left, made = pool[:, 0], []
    for part, own in enumerate(jax.random.split(key, P)):
        vectors = left if stages else pool[:, part]
        made.append(kmeans(own, vectors, K))
        if stages:
            left = left - made[-1].centres[nearest(left, made[-1].centres)]
    centres, share = (jnp.stack(each) for each in zip(*made, strict=True))
    counts = jnp.maximum(num_positions * share, _SMALLEST / 2 * num_positions / (P * K))
    return {"counts": counts, "sums": counts[..., None] * centres, "begun": jnp.ones(())}
