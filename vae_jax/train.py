"""Steps of training, and epochs of steps.

    step = descend(weighted_sum(model), optax.adam(1e-3))
    state = step.init(key, model.init(init_key, x))
    state, metrics = train_epoch(step, state, {"x": images}, batch_size=100, prepare=binarise(255))

All randomness comes from `TrainState.key`, which is never split, only folded: step t draws from
fold_in(key, t), and what else an epoch draws from streams of its own. (`split(key)[i]` is the same
key as `fold_in(key, i)`: a key may be split or folded, not both.) A run that is interrupted between
epochs and continued is therefore bit-identical to one that was not.

An objective, a step and a preparation are what `jit` recognises a compiled epoch by: build them
once, outside the loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax.checks import check_count, check_key
from vae_jax.model import learned
from vae_jax.objectives import Aux, Objective
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Event, Key, Params

_SHUFFLE, _PREPARE = 2**32 - 1, 2**32 - 2  # streams of the key that no step reaches

Metrics = dict[str, Array]
Prepare = Callable[[Key, Event], Event]


class TrainState(NamedTuple):
    """Everything a run carries from step to step.

    Fields:
      step: the steps done, [] int.
      params: groups of parameters, by name.
      opt_state: the optimizer's; for `alternate`, a dict of the players'.
      key: never changes; step t folds t into it.
    """

    step: Array
    params: Params
    opt_state: Any
    key: Key


class Step(NamedTuple):
    """Who descends what, as a pair of pure functions, like an optax transformation.

    Fields:
      init: (key, params) -> TrainState, of a copy of params.
      update: (state, batch) -> (state, metrics).
    """

    init: Callable[[Key, Params], TrainState]
    update: Callable[[TrainState, Batch], tuple[TrainState, Metrics]]


class Player(NamedTuple):
    """Who descends which objective, in which groups of the parameters, and how.

    Fields:
      name: the prefix of its metrics.
      objective: what it descends.
      owns: the names of its groups of params, a tuple: ("encoder", "decoder").
      optimizer: any optax optimizer.
      updates: its descents a step.
    """

    name: str
    objective: Objective
    owns: tuple[str, ...]
    optimizer: optax.GradientTransformation
    updates: int = 1


def descend(objective: Objective, optimizer: optax.GradientTransformation) -> Step:
    """The step that descends one objective in all groups of parameters but "state"."""

    def init(key: Key, params: Params) -> TrainState:
        check_key(key)
        return _new_state(key, params, optimizer.init(learned(params)))

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        everyone = Player("all", objective, tuple(learned(state.params)), optimizer)
        params, opt_state, metrics = _descent(
            everyone, state.params, state.opt_state, key, batch, state.step
        )
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    return Step(init, update)


def alternate(*players: Player) -> Step:
    """The step in which players descend in turn, each seeing what those before it have done.

    A player's gradient is taken in its own groups alone. Metrics are prefixed "player/".

    Raises:
      ValueError: names that are not unique, a group with two owners, updates < 1; and, in `init`,
        a group that no player owns, or one that the parameters have not.
    """
    _check_players(players)

    def init(key: Key, params: Params) -> TrainState:
        check_key(key)
        _check_owned(players, learned(params))
        opt_state = {p.name: p.optimizer.init(_groups(params, p.owns)) for p in players}
        return _new_state(key, params, opt_state)

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        params, opt_state = state.params, dict(state.opt_state)
        metrics: Metrics = {}
        turns = [p for p in players for _ in range(p.updates)]
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), len(turns))
        for key, p in zip(keys, turns, strict=True):
            params, opt_state[p.name], reported = _descent(
                p, params, opt_state[p.name], key, batch, state.step
            )
            metrics |= {f"{p.name}/{name}": value for name, value in reported.items()}
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    return Step(init, update)


def train_epoch(
    step: Step,
    state: TrainState,
    data: Batch,
    *,
    batch_size: int,
    prepare: Prepare | None = None,
    scan: bool = True,
) -> tuple[TrainState, Metrics]:
    """One pass over the data, in one compiled loop.

    The data stay on the device in the type they have (bytes, say); each batch is gathered, and
    prepared there.

    Args:
      step: from `descend` or `alternate`.
      state: its memory is reused (donated): keep the returned one.
      data: {"x": [N, ...], "c": [N, ...]}, "c" for conditional models.
      batch_size: B; the N mod B examples last in this epoch's order wait for another epoch.
      prepare: (key, x) -> x of one example, anew each time it is drawn: `data.binarise(255)`.
      scan: False compiles one step and loops in Python, for convolutions on a CPU: XLA runs their
        gradients some fifteen times slower inside a compiled loop (jax issue 12868).

    Returns:
      state, and each metric at every step, [N // B].

    Raises:
      ValueError: fewer examples than one batch.
    """
    check_count("batch_size", batch_size)
    if not isinstance(state.step, jax.core.Tracer) and state.step.is_deleted():
        raise ValueError(
            "This state's memory was given to an earlier train_epoch: use the state it returned."
        )
    if size_of(data) < batch_size:
        raise ValueError(f"{size_of(data)} examples do not fill one batch of {batch_size}.")
    if scan:
        return _scanned_epoch(step, state, data, batch_size, prepare)
    rows, data = [], jax.device_put(data)  # once, not at every step
    for index in _order(state, size_of(data), batch_size):
        state, metrics = _compiled_step(step, state, data, index, prepare)
        rows.append(metrics)
    return state, jax.tree.map(lambda *values: jnp.stack(values), *rows)


@partial(jax.jit, static_argnames=("step", "batch_size", "prepare"), donate_argnames="state")
def _scanned_epoch(
    step: Step, state: TrainState, data: Batch, batch_size: int, prepare: Prepare | None
) -> tuple[TrainState, Metrics]:
    order = _order(state, size_of(data), batch_size)
    return jax.lax.scan(
        lambda s, index: _gathered_step(step, s, data, index, prepare), state, order
    )


def _order(state: TrainState, num_examples: int, batch_size: int) -> Array:
    """Which examples each step of the epoch sees, [N // B, B]."""
    num_steps = num_examples // batch_size
    order = jax.random.permutation(_stream(state, _SHUFFLE), num_examples)
    return order[: num_steps * batch_size].reshape(num_steps, batch_size)


def _gathered_step(
    step: Step, state: TrainState, data: Batch, index: Array, prepare: Prepare | None
) -> tuple[TrainState, Metrics]:
    batch = jax.tree.map(lambda leaf: leaf[index], data)
    if prepare is not None:
        keys = jax.random.split(_stream(state, _PREPARE), index.size)
        batch = {**batch, "x": jax.vmap(prepare)(keys, batch["x"])}
    return step.update(state, batch)


_compiled_step = jax.jit(
    _gathered_step, static_argnames=("step", "prepare"), donate_argnames="state"
)


def decay_mask(params: Params) -> Params:
    """Which parameters weight decay should shrink: kernels; not biases, norms or learned scales.

    For `optax.adamw(rate, weight_decay=..., mask=decay_mask)`.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, _: jax.tree_util.keystr(path[-1:], simple=True) == "kernel", params
    )


def _descent(
    player: Player, params: Params, opt_state: Any, key: Key, batch: Batch, step: Array
) -> tuple[Params, Any, Metrics]:
    """One descent in the groups the player owns; the rest of `params` is held fixed."""

    def loss(owned: Params) -> tuple[Array, Aux]:
        return player.objective({**params, **owned}, key, batch, step)

    owned = _groups(params, player.owns)
    gradient, aux = jax.grad(loss, has_aux=True)(owned)
    updates, opt_state = player.optimizer.update(gradient, opt_state, owned)
    params = {**params, **optax.apply_updates(owned, updates)}
    if aux.state is not None:
        params = {**params, "state": aux.state}
    return params, opt_state, aux.metrics


def _new_state(key: Key, params: Params, opt_state: Any) -> TrainState:
    # A copy: train_epoch gives the state's memory away, and the caller's params must outlive that.
    return TrainState(jnp.zeros((), jnp.int32), *jax.tree.map(jnp.copy, (params, opt_state, key)))


def _stream(state: TrainState, stream: int) -> Key:
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.step)


def _groups(params: Params, names: tuple[str, ...]) -> Params:
    return {name: params[name] for name in names}


def _check_players(players: tuple[Player, ...]) -> None:
    names = [p.name for p in players]
    if not players or len(set(names)) < len(names):
        raise ValueError(f"Players need names of their own; got {names}.")
    if any(isinstance(p.owns, str) for p in players):
        raise TypeError('A player owns a tuple of groups, even of one: owns=("encoder",).')
    owned = [group for p in players for group in p.owns]
    shared = sorted({group for group in owned if owned.count(group) > 1})
    if shared:
        raise ValueError(f"Each group has one owner; {shared} have several.")
    for p in players:
        check_count(f"updates of {p.name}", p.updates)


def _check_owned(players: tuple[Player, ...], params: Params) -> None:
    owned, groups = {group for p in players for group in p.owns}, set(params)
    if owned != groups:
        raise ValueError(
            f"The players must own exactly the groups {sorted(groups)}: they lack"
            f" {sorted(groups - owned)}, and own {sorted(owned - groups)}, which are not there."
        )
