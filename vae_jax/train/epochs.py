"""Epochs: one pass over data that stay on the device."""

from functools import partial

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count
from vae_jax.data import Prepare
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.steps import Metrics, Step, TrainState
from vae_jax.types import Array, Batch, Key

_SHUFFLE, _PREPARE = 2**32 - 1, 2**32 - 2  # streams of the key that no step reaches


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


def _stream(state: TrainState, stream: int) -> Key:
    return jax.random.fold_in(jax.random.fold_in(state.key, stream), state.step)
