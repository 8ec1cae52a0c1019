"""Epochs: one pass over data that stay on the device."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding

from vae_jax import devices
from vae_jax.checks import check_count, check_key
from vae_jax.data import Prepare
from vae_jax.data.transforms import check_prepare
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
    prepared there. Shapes are checked and values are not, which nothing can under `jit`:
    `evaluate.check_support` does it, and `fit` calls it.

    On several devices (`devices.only` says on how many) state and data are copied to each, or the
    data left as `devices.divided` made them. Each prepares and differentiates its part of a batch,
    and the gradients meet in a sum over all: the numbers are those of one device, but for rounding.
    As many are used as divide the batch into equal parts.

    Args:
      step: from `descend` or `alternate`.
      state: its memory is reused (donated): keep the returned one.
      data: {"x": [N, ...], "c": [N, ...]}, "c" for conditional models.
      batch_size: B; the N mod B examples last in this epoch's order wait for another epoch.
      prepare: (key, example) -> example, {"x": ..., "c": ...}, anew each time it is drawn:
        `data.binarise(255)`; see `data`.
      scan: False compiles one step and loops in Python, for some convolutions on a CPU (`nn.Conv`
        of one's own; `resized` and `pooled`, but not `strided` and `transposed`, which are matrix
        products there): XLA runs their gradients over fifteen times slower inside a compiled loop
        (jax issue 12868).

    Returns:
      state, and each metric at every step, [N // B].

    Raises:
      ValueError: fewer examples than one batch; data divided among a number of devices that does
        not divide a batch into equal parts.
    """
    check_alive(state)
    steps_of(size_of(data), batch_size)
    among = devices.of_batch(batch_size, data)
    state, data = devices.everywhere((state, data), among)
    if scan:
        return scanned_epoch(step, state, data, batch_size, prepare, among)
    rows: list[Metrics] = []
    data = jax.device_put(data) if among is None else data  # once, not at every step
    for index in epoch_order(state.key, state.step, size_of(data), batch_size):
        batch = _gather(data, index, among)
        state, metrics = compiled_step(step, state, batch, prepare)
        rows.append(metrics)
    return state, jax.tree.map(lambda *values: jnp.stack(values), *rows)


def trace_epoch(
    step: Step, state: TrainState, data: Batch, batch_size: int, prepare: Prepare | None
) -> None:
    """Raise what `train_epoch` would, of shapes; what is traced here is not traced again there."""
    among = devices.of_batch(batch_size, data)

    def epoch(state: TrainState, data: Batch) -> tuple[TrainState, Metrics]:
        return scanned_epoch(step, state, data, batch_size, prepare, among)

    jax.eval_shape(epoch, state, data)


def trace_step(step: Step, state: TrainState, batch: Batch, prepare: Prepare | None) -> None:
    """Raise what one step would, of the shapes of a batch that is not prepared yet."""
    jax.eval_shape(lambda state, batch: compiled_step(step, state, batch, prepare), state, batch)


def epoch_order(key: Key, step: Array | int, num_examples: int, batch_size: int) -> Array:
    """Which examples each step of an epoch sees: a permutation, cut into batches.

    Args:
      key: `TrainState.key`.
      step: the step at the epoch's start, `TrainState.step`.
      num_examples: N.
      batch_size: B.

    Returns:
      Indices, int [N // B, B]; the N mod B examples last in the permutation are not among them.

    Raises:
      ValueError: fewer examples than one batch.
    """
    check_key(key)
    num_steps = steps_of(num_examples, batch_size)
    order = jax.random.permutation(_stream(key, _SHUFFLE, step), num_examples)
    return order[: num_steps * batch_size].reshape(num_steps, batch_size)


def steps_of(num_examples: int, batch_size: int) -> int:
    """N // B, the steps of an epoch; ValueError where there is none."""
    check_count("batch_size", batch_size)
    if num_examples < batch_size:
        fewer = f"batch_size=<at most {num_examples}>, or " if num_examples else ""
        raise ValueError(
            f"{num_examples} examples do not fill one batch of {batch_size}: {fewer}more examples."
        )
    return num_examples // batch_size


def check_alive(state: TrainState) -> None:
    """ValueError where the state's memory was given to an epoch before."""
    if not isinstance(state.step, jax.core.Tracer) and state.step.is_deleted():
        raise ValueError(
            "This state's memory was given to an earlier epoch (train_epoch, stream_epoch): use the"
            " state it returned."
        )


@partial(
    jax.jit,
    static_argnames=("step", "batch_size", "prepare", "among"),
    donate_argnames="state",
)
def scanned_epoch(
    step: Step,
    state: TrainState,
    data: Batch,
    batch_size: int,
    prepare: Prepare | None,
    among: NamedSharding | None,
) -> tuple[TrainState, Metrics]:
    """`train_epoch`, of what is where it is needed."""

    def body(state: TrainState, index: Array) -> tuple[TrainState, Metrics]:
        return _prepared_step(step, state, _gather(data, index, among), prepare)

    order = epoch_order(state.key, state.step, size_of(data), batch_size)
    return jax.lax.scan(body, state, order)


@partial(jax.jit, static_argnames="among")
def _gather(data: Batch, index: Array, among: NamedSharding | None) -> Batch:
    batch = jax.tree.map(lambda leaf: leaf[index], data)
    if among is None:
        return batch
    # Without it every device would silently do the whole batch, with the same numbers.
    return jax.lax.with_sharding_constraint(batch, among)


def _prepared_step(
    step: Step, state: TrainState, batch: Batch, prepare: Prepare | None
) -> tuple[TrainState, Metrics]:
    if prepare is not None:
        check_prepare(prepare)
        keys = jax.random.split(_stream(state.key, _PREPARE, state.step), size_of(batch))
        batch = jax.vmap(prepare)(keys, batch)
    return step.update(state, batch)


# Apart from the gathering, so that a batch from a disk is served by the same compiled code.
compiled_step = jax.jit(
    _prepared_step, static_argnames=("step", "prepare"), donate_argnames="state"
)


def _stream(key: Key, stream: int, step: Array | int) -> Key:
    return jax.random.fold_in(jax.random.fold_in(key, stream), step)
