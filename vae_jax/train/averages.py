"""An exponential moving average of the parameters, carried beside them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax.models import learned
from vae_jax.train.steps import Metrics, Step, TrainState
from vae_jax.types import Batch, Key, Params


class Averaged(NamedTuple):
    """The optimizer's state, and the average of the groups it descends."""

    opt_state: Any
    average: Params


def averaged(step: Step, decay: float) -> Step:
    """The same step, which also keeps an average of the parameters it has passed through.

        average_t = d_t average_{t-1} + (1 - d_t) params_t,    d_t = min(decay, (1 + t) / (10 + t))

    for t = 1, 2, ..., from average_0 = params_0.

    With a constant decay the first parameters, which know nothing, would stay in the average for
    some 1 / (1 - decay) steps. The descent is not changed. Read the average by `average_params`.

    Args:
      step: from `descend` or `alternate`.
      decay: in (0, 1), such as 0.999: an average of the last 1,000 steps or so.

    Raises:
      ValueError: decay is not in (0, 1).

    Reference: Polyak and Juditsky 1992; the warm-up of the decay is TensorFlow's
    (ExponentialMovingAverage).
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must be in (0, 1), such as 0.999; got {decay}.")

    def init(key: Key, params: Params) -> TrainState:
        state = step.init(key, params)
        # a copy: train_epoch gives the state's memory away, once
        average = jax.tree.map(jnp.copy, learned(params))
        return state._replace(opt_state=Averaged(state.opt_state, average))

    def update(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        opt_state, average = state.opt_state
        state, metrics = step.update(state._replace(opt_state=opt_state), batch)
        decay_t = jnp.minimum(decay, (1 + state.step) / (10 + state.step))
        average = optax.incremental_update(learned(state.params), average, 1 - decay_t)
        return state._replace(opt_state=Averaged(state.opt_state, average)), metrics

    return Step(init, update)


def average_params(state: TrainState) -> Params:
    """The averaged parameters of an `averaged` step, its "state" group as it is; else `params`."""
    if isinstance(state.opt_state, Averaged):
        return {**state.params, **state.opt_state.average}
    return state.params
