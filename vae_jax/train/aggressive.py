"""Aggressive updates of the encoder, against one that lags behind its decoder."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count, check_key
from vae_jax.models import learned
from vae_jax.objectives import Objective
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.steps import (
    Metrics,
    Player,
    Step,
    TrainState,
    check_owned,
    check_players,
    descent,
    groups_of,
    new_state,
)
from vae_jax.types import Array, Batch, Key, Params

Moved = tuple[Params, dict[str, Any], Metrics]


class Aggressive(NamedTuple):
    """The optimizers' states, and how far the information has come.

    Fields:
      players: the optimizers' states, by the players' names.
      information: at the last look, [] nats.
      best: the most at a look so far.
      waited: looks since then that found less, [] int.
    """

    players: dict[str, Any]
    information: Array
    best: Array
    waited: Array


class _Run(NamedTuple):
    """The encoder's descents: its parameters, and the losses of the window it is in."""

    params: Params
    opt_state: Any
    done: Array
    total: Array
    before: Array
    rises: Array


def aggressive(
    encoder: Player,
    rest: Player,
    information: Objective,
    *,
    parts: int,
    window: int = 10,
    every: int = 20,
    patience: int = 1,
    looked_at: int = 1000,
) -> Step:
    """The step whose encoder is ahead: it descends fresh batches until its loss stops falling.

    A step is given a batch of `parts` batches, so that whoever calls it, `fit`, `train_epoch` or a
    stream, brings fresh examples, prepared, and a run goes on to the same bits. While aggressive,

        the encoder descends part after part, until the mean loss of `window` of them is not below
        that of those before, or one part is left; then the rest descends that one,

    and of the parts that were not asked for nothing is learned in this epoch. At every `every`
    steps the information is looked at; after `patience` looks that found less than there was, the
    step is an ordinary one for good: encoder and rest descend each part together, by the gradient
    at the same parameters. (`Player(updates=n)` descends one batch n times.)

    Args:
      encoder: who is ahead; its `updates` are not used.
      rest: everybody else.
      information: whose loss is what z tells of x, nats:
        weighted_sum(model, [Term("information", information)]), at most log N of N examples.
      parts: P, of a batch; a multiple of `batch_size` elsewhere: fit(..., batch_size=P * 50).
      window: batches whose losses are one mean.
      every: steps between looks.
      patience: looks.
      looked_at: examples of the batch at most, whose N^2 pairs are the information's.

    Returns:
      Step. Metrics: those of `rest`, of its last batch or their mean, with "updates" of the
      encoder, "aggressive" (1 or 0) and "information" as it was looked at last.

    Raises:
      ValueError: parts < 2, another count < 1, a batch that does not make equal parts; and as
        `alternate`.

    Reference: He et al. 2019, arXiv 1901.05534, algorithm 1; their code has 100 batches at most, in
    windows of 10 or 15, and looks once an epoch. Departures: the information is that of training
    examples, where they have validation data; and the encoder's batches are of one epoch's order.
    """
    check_players((encoder, rest))
    counts = {"window": window, "every": every, "patience": patience, "looked_at": looked_at}
    for name, count in counts.items():
        check_count(name, count)
    if parts < 2:
        raise ValueError(f"parts must be at least 2, the encoder's and the rest's; got {parts}.")

    def init(key: Key, params: Params) -> TrainState:
        check_key(key)
        check_owned((encoder, rest), learned(params))
        players = {p.name: p.optimizer.init(groups_of(params, p.owns)) for p in (encoder, rest)}
        nothing = jnp.zeros(())
        first = Aggressive(players, nothing, nothing, jnp.zeros((), jnp.int32))
        return new_state(key, params, first)

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)

        def look() -> Aggressive:
            return _looked(information, state, jax.random.fold_in(key, parts), some(batch))

        due = (state.opt_state.waited < patience) & (state.step % every == 0)
        own = jax.lax.cond(due, look, lambda: state.opt_state)
        goes_on = own.waited < patience
        given = (encoder, rest, state, key, _parted(batch, parts), parts)
        params, players, metrics = jax.lax.cond(
            goes_on, lambda: _ahead(*given, window), lambda: _together(*given)
        )
        metrics["aggressive"] = goes_on.astype(jnp.float32)
        metrics["information"] = own.information
        opt_state = own._replace(players=players)
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    def some(batch: Batch) -> Batch:
        return jax.tree.map(lambda leaf: leaf[:looked_at], batch)

    return Step(init, update)


def _looked(information: Objective, state: TrainState, key: Key, batch: Batch) -> Aggressive:
    """The information now, and whether it is less than it was."""
    own: Aggressive = state.opt_state
    value, _ = information(state.params, key, batch, state.step)
    found = value.astype(own.best.dtype)
    waited = jnp.where(found < own.best, own.waited + 1, 0)
    return own._replace(information=found, best=jnp.maximum(own.best, found), waited=waited)


def _ahead(
    encoder: Player,
    rest: Player,
    state: TrainState,
    key: Key,
    batches: Batch,
    parts: int,
    window: int,
) -> Moved:
    """The encoder's descents, as many as help; and one of the rest."""

    def more(run: _Run) -> Array:
        return run.rises & (run.done < parts - 1)

    def one(run: _Run) -> _Run:
        own = jax.random.fold_in(key, run.done)
        batch = _part(batches, run.done)
        params, opt_state, metrics = descent(
            encoder, run.params, run.opt_state, own, batch, state.step
        )
        total, full = run.total + metrics["loss"], (run.done + 1) % window == 0
        rises = ~full | (total < run.before)
        before = jnp.where(full, total, run.before)
        return _Run(params, opt_state, run.done + 1, jnp.where(full, 0, total), before, rises)

    players, zero = state.opt_state.players, jnp.zeros(())
    first = (jnp.zeros((), jnp.int32), zero, zero + jnp.inf, jnp.asarray(True))
    run = jax.lax.while_loop(more, one, _Run(state.params, players[encoder.name], *first))
    last = (jax.random.fold_in(key, parts - 1), _part(batches, parts - 1), state.step)
    params, opt_state, metrics = descent(rest, run.params, players[rest.name], *last)
    ends = {encoder.name: run.opt_state, rest.name: opt_state}
    return params, ends, {**metrics, "updates": run.done.astype(jnp.float32)}


def _together(
    encoder: Player, rest: Player, state: TrainState, key: Key, batches: Batch, parts: int
) -> Moved:
    """Both descend each part, from the same parameters and by the same draws."""

    def one(carry: tuple[Params, dict[str, Any]], index: Array) -> tuple[Any, Metrics]:
        params, players = carry
        given = (jax.random.fold_in(key, index), _part(batches, index), state.step)
        own, its, _ = descent(encoder, params, players[encoder.name], *given)
        params, others, metrics = descent(rest, params, players[rest.name], *given)
        params = {**params, **groups_of(own, encoder.owns)}
        return (params, {encoder.name: its, rest.name: others}), metrics

    first = (state.params, state.opt_state.players)
    (params, players), metrics = jax.lax.scan(one, first, jnp.arange(parts))
    means = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), metrics)
    return params, players, {**means, "updates": jnp.asarray(parts, jnp.float32)}


def _parted(batch: Batch, parts: int) -> Batch:
    """[P * B, ...] as [B, P, ...]: of several devices each has its share of every part."""
    size = size_of(batch)
    if size % parts:
        raise ValueError(
            f"A batch of {size} does not make {parts} equal parts: pass batch_size={parts} * B."
        )

    def parted(leaf: Array) -> Array:
        leaf = jnp.asarray(leaf)  # numpy would not know which part a traced index is
        return leaf.reshape(size // parts, parts, *leaf.shape[1:])

    return jax.tree.map(parted, batch)


def _part(batches: Batch, index: Array | int) -> Batch:
    return jax.tree.map(lambda leaf: leaf[:, index], batches)
