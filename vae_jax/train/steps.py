"""Steps: who descends what."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax.calls import check_takes
from vae_jax.checks import check_count, check_key
from vae_jax.models import learned
from vae_jax.objectives import Aux, Objective
from vae_jax.types import Array, Batch, Key, Params

Metrics = dict[str, Array]


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
      optimizer: any optax optimizer; see `descend`.
      updates: its descents a step.
    """

    name: str
    objective: Objective
    owns: tuple[str, ...]
    optimizer: optax.GradientTransformation
    updates: int = 1


def descend(objective: Objective, optimizer: optax.GradientTransformation) -> Step:
    """The step that descends one objective in all groups of parameters but "state".

    Args:
      objective: what is descended.
      optimizer: any optax optimizer. Those that ask for more than the gradient are given `value`,
        the loss; `grad`, the gradient; and `value_fn`, params -> loss, with the batch, the key and
        so every draw held fixed: a line search (`optax.lbfgs`) compares losses of the same draws.
        `optax.contrib.reduce_on_plateau` and `optax.polyak_sgd` are such too.

    Raises:
      TypeError: an objective that is no function of (params, key, batch, step); and, when it is
        traced, by name, for what an optimizer asks besides.
    """

    _check_objective("The objective", objective)

    def init(key: Key, params: Params) -> TrainState:
        check_key(key)
        return new_state(key, params, optimizer.init(learned(params)))

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        everyone = Player("all", objective, tuple(learned(state.params)), optimizer)
        params, opt_state, metrics = descent(
            everyone, state.params, state.opt_state, key, batch, state.step
        )
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    return Step(init, update)


def alternate(*players: Player, shared: tuple[str, ...] = ()) -> Step:
    """The step in which players descend in turn, each seeing what those before it have done.

    A player's gradient is taken in its own groups alone. Metrics are prefixed "player/". The group
    "state" is nobody's, and moves with every descent: as often in a step as the players' updates
    are together, but for players whose objective brings none.

    Args:
      players: in their order.
      shared: groups that have several owners, each with an optimizer state of its own: the encoder
        of an adversarial autoencoder, which one player trains to reconstruct and another to
        deceive. Others have one, so that nothing is trained by two losses by accident.

    Raises:
      ValueError: names that are not unique, a group with two owners that is not `shared`, updates
        < 1; and, in `init`, a group that no player owns, or one that the parameters have not.
    """
    check_players(players, shared)

    def init(key: Key, params: Params) -> TrainState:
        check_key(key)
        check_owned(players, learned(params))
        opt_state = {p.name: p.optimizer.init(groups_of(params, p.owns)) for p in players}
        return new_state(key, params, opt_state)

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        params, opt_state = state.params, dict(state.opt_state)
        metrics: Metrics = {}
        turns = [p for p in players for _ in range(p.updates)]
        keys = jax.random.split(jax.random.fold_in(state.key, state.step), len(turns))
        for key, p in zip(keys, turns, strict=True):
            params, opt_state[p.name], reported = descent(
                p, params, opt_state[p.name], key, batch, state.step
            )
            metrics |= {f"{p.name}/{name}": value for name, value in reported.items()}
        return TrainState(state.step + 1, params, opt_state, state.key), metrics

    return Step(init, update)


def decay_mask(params: Params) -> Params:
    """Which parameters weight decay should shrink: kernels; not biases, norms or learned scales.

    For `optax.adamw(rate, weight_decay=..., mask=decay_mask)`.
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, _: jax.tree_util.keystr(path[-1:], simple=True) == "kernel", params
    )


def descent(
    player: Player, params: Params, opt_state: Any, key: Key, batch: Batch, step: Array
) -> tuple[Params, Any, Metrics]:
    """One descent in the groups the player owns; the rest of `params` is held fixed."""

    def loss(owned: Params) -> tuple[Array, Aux]:
        return player.objective({**params, **owned}, key, batch, step)

    owned = groups_of(params, player.owns)
    (value, aux), gradient = jax.value_and_grad(loss, has_aux=True)(owned)
    asked = {"value": value, "grad": gradient, "value_fn": lambda owned: loss(owned)[0]}
    optimizer = optax.with_extra_args_support(player.optimizer)
    updates, opt_state = optimizer.update(gradient, opt_state, owned, **asked)
    params = {**params, **optax.apply_updates(owned, updates)}
    if aux.state is not None:
        params = {**params, "state": aux.state}
    return params, opt_state, aux.metrics


def new_state(key: Key, params: Params, opt_state: Any) -> TrainState:
    """The first state, of copies."""
    # train_epoch gives the state's memory away, and the caller's params must outlive that.
    return TrainState(jnp.zeros((), jnp.int32), *jax.tree.map(jnp.copy, (params, opt_state, key)))


def groups_of(params: Params, names: tuple[str, ...]) -> Params:
    """Some groups of the parameters."""
    return {name: params[name] for name in names}


def check_players(players: tuple[Player, ...], shared: tuple[str, ...] = ()) -> None:
    """ValueError or TypeError for players that make no step."""
    names = [p.name for p in players]
    if not players or len(set(names)) < len(names):
        raise ValueError(f"Players need names of their own; got {names}.")
    if any(isinstance(p.owns, str) for p in players):
        raise TypeError('A player owns a tuple of groups, even of one: owns=("encoder",).')
    owned = [group for p in players for group in p.owns]
    several = sorted({group for group in owned if owned.count(group) > 1} - set(shared))
    if several:
        raise ValueError(
            f"Each group has one owner; {several} have several. If two players are to train one"
            f" group, say so: alternate(..., shared={tuple(several)!r})."
        )
    for p in players:
        check_count(f"updates of {p.name}", p.updates)
        _check_objective(f"The objective of {p.name}", p.objective)


def _check_objective(what: str, objective: Objective) -> None:
    check_takes(what, objective, "params", "key", "batch", "step")


def check_owned(players: tuple[Player, ...], params: Params) -> None:
    """ValueError unless the players own exactly the groups there are."""
    owned, groups = {group for p in players for group in p.owns}, set(params)
    if owned != groups:
        raise ValueError(
            f"The players must own exactly the groups {sorted(groups)}: they lack"
            f" {sorted(groups - owned)}, and own {sorted(owned - groups)}, which are not there."
        )
