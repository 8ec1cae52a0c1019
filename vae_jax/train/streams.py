"""Streams: an epoch of a source that is larger than memory."""

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from vae_jax import devices, hosts
from vae_jax.checks import check_count
from vae_jax.data import Prepare, Source
from vae_jax.data.sources import read_example
from vae_jax.extras import lacking
from vae_jax.train.epochs import check_alive, compiled_step, epoch_order, steps_of
from vae_jax.train.steps import Metrics, Step, TrainState
from vae_jax.types import Batch

_IN_FLIGHT = 2  # steps dispatched and not done: each holds its batch on the device


def stream_epoch(
    step: Step,
    state: TrainState,
    source: Source,
    *,
    batch_size: int,
    prepare: Prepare | None = None,
    num_steps: int | None = None,
    threads: int = 4,
    prefetch: int = 8,
) -> tuple[TrainState, Metrics]:
    """One pass over a source, its batches read by Grain while the steps before them run.

    The same order, keys and compiled step as `train_epoch(..., scan=False)` on the same examples,
    so the same bits; on several devices each is sent its part of a batch, which of several hosts
    each reads for its own. Epochs are counted from
    step 0, N // B steps each: a state in the middle of one goes on with the rest of it. (One that
    was trained in epochs of another length finishes what by this count is its epoch.)

    Args:
      step: from `descend` or `alternate`.
      state: its memory is reused (donated): keep the returned one. Where a read fails it is lost
        with the steps since: save between, every `num_steps`.
      source: N examples, read by several threads: `data.open_images`, `data.open_array`, or your
        own `__len__` and `__getitem__`.
      batch_size: B; the N mod B examples last in this epoch's order wait for another epoch.
      prepare: (key, example) -> example, {"x": ..., "c": ...}, anew each time it is drawn:
        `data.binarise(255)`; see `data`.
      num_steps: at most so many steps; None means to the end of the epoch.
      threads: reading batches at the same time.
      prefetch: batches held ready in the host's memory.

    Returns:
      state, and each metric at every step taken, [steps], on the host.

    Raises:
      ImportError: Grain is not installed.
      ValueError: fewer examples than one batch, examples of different shapes; one that the source
        cannot read, whatever it raised.
    """
    check_alive(state)
    for name, count in (("num_steps", num_steps), ("threads", threads), ("prefetch", prefetch)):
        if count is not None:
            check_count(name, count)
    order, rows = _remaining(state, len(source), batch_size)[:num_steps], []
    among = devices.of_batch(batch_size)
    state = devices.everywhere(state, among)
    own = order[:, _own_rows(batch_size, among)]
    for part in _read(source, own, threads, prefetch):
        batch = _joined(part, batch_size, among)
        state, metrics = compiled_step(step, state, batch, prepare)
        rows.append(metrics)
        # A device slower than the disk would otherwise be sent batch upon batch.
        jax.block_until_ready(rows[-_IN_FLIGHT:][0])
    return state, jax.tree.map(_stack, *hosts.fetched(rows))


def _own_rows(batch_size: int, among: NamedSharding | None) -> np.ndarray:
    """Which examples of a batch are on the devices of this host; all of them where it is alone."""
    if among is None or not hosts.several():
        return np.arange(batch_size)
    parts = among.addressable_devices_indices_map((batch_size,)).values()
    return np.unique(np.concatenate([np.arange(batch_size)[part] for part in parts]))


def _joined(batch: Batch, batch_size: int, among: NamedSharding | None) -> Batch:
    """A batch on the devices, of which each host has read its own rows."""
    if among is None or not hosts.several():
        return devices.apart(batch, among)
    own = _own_rows(batch_size, among)

    def join(leaf: np.ndarray) -> jax.Array:
        leaf = leaf.astype(jax.dtypes.canonicalize_dtype(leaf.dtype), copy=False)

        def part(index: Any) -> np.ndarray:
            return leaf[np.searchsorted(own, np.arange(batch_size)[index[0]])]

        return jax.make_array_from_callback((batch_size, *leaf.shape[1:]), among, part)

    return jax.tree.map(join, batch)


def _remaining(state: TrainState, num_examples: int, batch_size: int) -> np.ndarray:
    """The order of the state's epoch from its step on."""
    state = hosts.here(state)
    done = int(state.step) % steps_of(num_examples, batch_size)
    order = epoch_order(state.key, state.step - done, num_examples, batch_size)
    return np.asarray(order)[done:]


def _read(source: Source, order: np.ndarray, threads: int, prefetch: int) -> Iterator[Batch]:
    try:
        import grain
    except ImportError as error:
        raise lacking("stream_epoch", "grain", "stream") from error
    # Grain warns of more threads than buffered batches: they would have nothing to do.
    options = grain.ReadOptions(min(threads, prefetch), prefetch)
    batches = grain.MapDataset.source(order).map(partial(_batch, source))
    iterator = iter(batches.to_iter_dataset(options))
    try:
        read = 0
        for batch in itertools.islice(iterator, len(order)):
            yield batch
            read += 1
    finally:
        iterator.close()  # a failed read leaves no thread reading
    if read < len(order):  # which would else be a short epoch, after which none goes on
        raise ValueError(f"The source ended after {read} of {len(order)} batches.")


def _batch(source: Source, index: np.ndarray) -> Batch:
    examples = [read_example(source, int(i)) for i in index]
    try:
        return jax.tree.map(lambda *leaves: np.stack(leaves), *examples)
    except ValueError as error:
        raise _unequal(index, [jax.tree.map(np.shape, example) for example in examples]) from error


def _unequal(index: np.ndarray, shapes: list[Any]) -> ValueError:
    other = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
    return ValueError(
        f"Example {index[0]} of the source has the shapes {shapes[0]}, and example {index[other]}"
        f" {shapes[other]}: examples of one shape are needed."
    )


def _stack(*values: np.ndarray) -> np.ndarray:
    # On the host: XLA would compile a concatenation of as many operands as there were steps.
    return np.stack(values)
