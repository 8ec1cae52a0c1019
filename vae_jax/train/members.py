"""Members: several trainings at once, by `vmap`; each ends as it would alone.

Hyperparameters share the order of the data, and one gathering of each batch:

    step = members(lambda beta: descend(beta_vae(beta), optax.adam(1e-3)), jnp.array([1.0, 4.0]))
    state = step.init(key, params)  # all from the same first parameters
    state, metrics = train_epoch(step, state, data, batch_size=100)  # metrics [steps, M]
    first = member(state, 0)

Seeds have keys, and so orders and preparations, of their own:

    states = jax.vmap(step.init)(keys, jax.vmap(model.init, in_axes=(0, None))(init_keys, x))
    states, metrics = seeds_epoch(step, states, data, batch_size=100)  # metrics [S, steps]
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding

from vae_jax import devices
from vae_jax.data import Prepare
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.epochs import scanned_epoch, steps_of
from vae_jax.train.steps import Metrics, Step, TrainState
from vae_jax.types import Array, Batch, Key, Params

_SHARED = TrainState(step=None, params=0, opt_state=0, key=None)  # type: ignore[arg-type]  # axes


def members(make: Callable[[Any], Step], values: Any) -> Step:
    """The step of M trainings at once, that differ by a hyperparameter.

    Each has parameters and an optimizer of its own; step, key and batch are shared, and so every
    draw: member m is the run of `make(values[m])` alone from the same key and parameters, but for
    rounding. `train_epoch` and `stream_epoch` take it as any other step (`fit`, which keeps one
    model, does not).

    Args:
      make: the hyperparameter, traced -> Step: a weight, a learning rate, a scale.
      values: [M], or a tree of such, as `make` takes one of them.

    Returns:
      Step: init takes the parameters of one model; metrics are [M] each.

    Raises:
      ValueError: there is no member, or the arrays of `values` differ in their number.
    """
    number = _number(values)

    def init(key: Key, params: Params) -> TrainState:
        def one(value: Any) -> TrainState:
            return make(value).init(key, params)

        return jax.vmap(one, out_axes=_SHARED, axis_size=number)(values)

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        def one(value: Any, state: TrainState) -> tuple[TrainState, Metrics]:
            return make(value).update(state, batch)

        each = jax.vmap(one, in_axes=(0, _SHARED), out_axes=(_SHARED, 0))
        return each(values, state)

    return Step(init, update)


def seeds_epoch(
    step: Step, states: TrainState, data: Batch, *, batch_size: int, prepare: Prepare | None = None
) -> tuple[TrainState, Metrics]:
    """`train_epoch` of S states at once, each in an order of its own.

    Args:
      step: from `descend` or `alternate`.
      states: with a leading axis of S, `jax.vmap(step.init)(keys, params)`; their memory is reused.
      data, batch_size, prepare: see `train_epoch`; on several devices each seed's batch is divided.

    Returns:
      states, and each metric at every step, [S, steps].
    """
    steps_of(size_of(data), batch_size)
    among = devices.of_batch(batch_size, data)
    states, data = devices.everywhere((states, data), among)
    return _seeds_epoch(step, states, data, batch_size, prepare, among)


def member(state: TrainState, index: int) -> TrainState:
    """One of the states that were trained at once, by hyperparameters or by seeds.

    Raises:
      ValueError: it is the state of one training; there is no such member.
    """
    arrays = jax.tree.leaves(state.params)
    alone = jnp.ndim(state.step) == 0 and jnp.ndim(state.key) == 0
    number = arrays[0].shape[0] if arrays and arrays[0].ndim else 0
    if not 0 <= index < number:
        raise ValueError(
            f"member {index} was asked for, and the states have a leading axis of {number}: they"
            " are those of `members`, or of `jax.vmap(step.init)`."
        )

    def pick(leaf: Array) -> Array:
        return leaf[index]

    if alone:
        params, opt_state = jax.tree.map(pick, (state.params, state.opt_state))
        return state._replace(params=params, opt_state=opt_state)
    return jax.tree.map(pick, state)


@partial(
    jax.jit,
    static_argnames=("step", "batch_size", "prepare", "among"),
    donate_argnames="states",
)
def _seeds_epoch(
    step: Step,
    states: TrainState,
    data: Batch,
    batch_size: int,
    prepare: Prepare | None,
    among: NamedSharding | None,
) -> tuple[TrainState, Metrics]:
    def one(state: TrainState) -> tuple[TrainState, Metrics]:
        return scanned_epoch(step, state, data, batch_size, prepare, among)

    return jax.vmap(one)(states)


def _number(values: Any) -> int:
    numbers = sorted({jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(values)})
    if len(numbers) != 1 or numbers[0] in ((), (0,)):
        raise ValueError(
            f"members needs values with one leading axis of M >= 1; got the shapes"
            f" {[jnp.shape(leaf) for leaf in jax.tree.leaves(values)]}."
        )
    return numbers[0][0]
