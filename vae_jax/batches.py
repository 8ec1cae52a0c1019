"""A jitted function of a batch, over more examples than there is memory for."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from vae_jax import devices, hosts
from vae_jax.checks import check_count
from vae_jax.memory import bytes_needed, most_at_once
from vae_jax.types import Event, Progress


def in_batches(
    program: Any,
    arguments: Callable[[Event, int], tuple[Any, ...]],
    each: Event,
    batch_size: int,
    *,
    draws: int = 1,
    progress: Progress = iter,
    call: Callable[..., Any] = lambda f, *args: f(*args),
) -> Any:
    """What `program` makes of each example, as numpy arrays [N, ...]; as many at once as fit.

    How many, examples times draws, follows from what the compiled program says that it needs
    (`memory.most_at_once`): fewer examples before fewer draws. On several devices each has an equal
    part of a batch: its size is the next multiple of them. A batch that is not full is filled up
    with the last example, and the filling taken off again.

    Args:
      program: a jitted function whose result has the batch as its leading axis.
      arguments: (a batch of `each`, the draws held at once) -> its arguments, of which those
        beside the batch are where the devices need them (`devices.everywhere`).
      each: arrays [N, ...].
      batch_size: the most examples at once.
      draws: the most draws at once of an example.
      progress: wraps the loop over batches.
      call: (f, *args) -> f(*args), for whom a call is more than that.

    Raises:
      ValueError: no examples; fewer than one at once.
    """
    check_count("batch_size", batch_size)
    check_count("draws", draws)
    N = jax.tree.leaves(each)[0].shape[0]
    if N == 0:
        raise ValueError("There are no examples: their leading axis is 0.")

    def examples(at_once: int) -> int:
        return devices.filled(at_once // min(draws, at_once))

    def given(at_once: int, start: int = 0) -> tuple[Any, ...]:
        index = np.minimum(np.arange(start, start + examples(at_once)), N - 1)
        rows = jax.tree.map(lambda leaf: leaf[index], each)
        return arguments(devices.apart(rows, devices.of_all()), min(draws, at_once))

    def needed(at_once: int) -> int | None:
        return call(bytes_needed, program, *given(at_once))

    at_once = most_at_once(needed, min(batch_size, N) * draws)
    starts = range(0, N, examples(at_once))
    whole = None
    for start in progress(starts):
        part = hosts.fetched(call(program, *given(at_once, start)))
        if whole is None:
            whole = jax.tree.map(partial(_empty, N), part)
        jax.tree.map(partial(_fill, start), whole, part)
    return whole


def _empty(size: int, part: np.ndarray) -> np.ndarray:
    """So many of this kind."""
    return np.empty((size, *part.shape[1:]), part.dtype)


def _fill(start: int, whole: np.ndarray, part: np.ndarray) -> None:
    """Put a part in its place, as much of it as there is room for."""
    whole[start : start + len(part)] = part[: len(whole) - start]
