"""Hosts: processes of `jax.distributed` that run one program together, each on devices of its own.

    jax.distributed.initialize("10.0.0.1:1234", 4, 0)  # the first of four; before all else of JAX
    fitted = fit(model, step, data, key=key, epochs=50, batch_size=128, folder="shared/run")

All do the same, in the same order: who would do something else is waited for by the others for
ever. So whatever only one of them knows, a clock, a signal, which files there are, is decided once
and told to all, here; and the first one alone writes files, but for checkpoints, which are written
by all. One process by itself decides for itself, and nothing is compiled or sent for that.
"""

import collections
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding

PART = 10_000  # rows of what hosts have together that are told to all of them at once
_BLOCK = 1024  # bytes: a message is filled up to a multiple of them, so that few programs send all


class ElsewhereError(RuntimeError):
    """The first host failed at what all wait for; it says why."""


def several() -> bool:
    """Whether this process is one of several."""
    return jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether it is the one that writes and speaks, as a process by itself does."""
    return not several() or jax.process_index() == 0


def check_joined() -> None:
    """ValueError where JAX knows of other processes, as on a TPU slice, that were not joined."""
    number = jax.process_count()
    if number > 1 and not jax.distributed.is_initialized():
        raise ValueError(
            f"This process is one of {number}, and they were not joined: --hosts auto; or, in"
            " Python, jax.distributed.initialize() before all else of JAX."
        )


def devices_of_each() -> int:
    """How many devices each host has. ValueError where one has fewer than another."""
    if not several():
        return jax.local_device_count()
    of_hosts = collections.Counter(device.process_index for device in jax.devices())
    least, most = min(of_hosts.values()), max(of_hosts.values())
    if least < most:
        raise ValueError(
            f"One host has {least} devices and another {most}, and each is given an equal part of a"
            f" batch: use as many of each, devices=<a number in 1 .. {least}>."
        )
    return least


def agreed(make: Callable[[], Any]) -> Any:
    """What the first host makes of it, a value that JSON can hold; the others make nothing.

    Raises:
      ElsewhereError: the first host raised something, where this is another one.
    """
    if not several():
        return make()
    told, failure = b"", None
    if is_first():
        try:
            told = json.dumps(make()).encode()
        except BaseException as error:  # whatever it is, the others wait
            failure = error
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(told))))
    if failure is not None:
        raise failure
    if not size:
        raise ElsewhereError("Process 0 failed, and says why; this one ends with it.")
    message = np.zeros(-(-size // _BLOCK) * _BLOCK, np.uint8)
    message[: len(told)] = np.frombuffer(told, np.uint8)
    return json.loads(multihost_utils.broadcast_one_to_all(message)[:size].tobytes())


def any_of(said: bool) -> bool:
    """Whether one of the hosts says so."""
    return most(said) > 0


def most(number: float) -> float:
    """The largest of the hosts' numbers, a float32."""
    return float(_gathered(number).max()) if several() else number


def least(number: float) -> float:
    """The smallest of the hosts' numbers, a float32."""
    return float(_gathered(number).min()) if several() else number


def stopping(stop: Callable[[], bool]) -> Callable[[], bool]:
    """`stop` of all hosts: what is asked after each epoch, and true where one of them says so, or
    where JAX was told that a machine will be taken away (`jax_enable_preemption_service`)."""
    if not several():
        return stop
    asked = itertools.count()

    def stop_of_all() -> bool:
        noticed = _is_noticed(next(asked))
        return any_of(bool(stop()) or noticed)

    return stop_of_all


def is_of_another(error: BaseException) -> bool:
    """Whether it tells that another host failed, or is gone, in the midst of what all do."""
    return isinstance(error, ElsewhereError | jax.errors.JaxRuntimeError)


def within(seconds: float, f: Callable[[], object]) -> None:
    """Call a function, and go on after so many seconds at the latest: it may wait for other hosts
    that come no more."""
    called = threading.Thread(target=f, daemon=True)
    called.start()
    called.join(seconds)


def of_all(leaf: Any, where: NamedSharding) -> jax.Array:
    """An array that each host has, the same one, as one that they have together; or one that they
    have on these devices already, where this says."""
    if isinstance(leaf, jax.core.Tracer) or (_is_on(leaf, where) and not _is_key(leaf)):
        return jax.device_put(leaf, where)
    if _is_on(leaf, where) and leaf.sharding.is_equivalent_to(where, leaf.ndim):
        return leaf
    if _is_key(leaf):
        words = of_all(jax.random.key_data(here(leaf)), where)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
    whole = np.asarray(here(leaf))
    whole = whole.astype(jax.dtypes.canonicalize_dtype(whole.dtype), copy=False)
    return jax.make_array_from_callback(whole.shape, where, lambda index: whole[index])


def of_first(tree: Any) -> Any:
    """Arrays of the first host, which are the same ones of all only but for rounding, for all."""
    return multihost_utils.broadcast_one_to_all(here(tree)) if several() else tree


def here(tree: Any) -> Any:
    """Arrays as this host has them: those that hosts have together as numpy arrays, from the others
    where they are divided; all else as it is."""
    return jax.tree.map(_here, tree) if several() else tree


def parts(tree: Any) -> Iterator[tuple[int, Any]]:
    """Arrays [N, ...] as this host has them, each part with the number of its first row. They are
    in one part, but for those that are divided among hosts: what is told to one host is copied to
    every device of all, and all of it may be too large for them."""
    leaves = jax.tree.leaves(tree)
    if not (several() and any(map(_is_divided, leaves))):
        yield 0, here(tree)
        return
    N = leaves[0].shape[0]
    for start in range(0, N, PART):
        yield start, rows(tree, slice(start, min(start + PART, N)))


def rows(tree: Any, index: Any) -> Any:
    """Some rows of arrays [N, ...], as this host has them; no others are told to it."""
    return here(jax.tree.map(lambda leaf: leaf[index], tree))


def fetched(tree: Any) -> Any:
    """Arrays as numpy arrays, all together: of a device that is far away each is waited for."""
    return jax.device_get(here(tree))


def _here(leaf: Any) -> Any:
    if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
        return leaf
    if leaf.is_fully_addressable:
        return leaf
    if _is_key(leaf):
        words = _here(jax.random.key_data(leaf))
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
    if leaf.is_fully_replicated:
        return np.asarray(leaf.addressable_data(0))
    return multihost_utils.process_allgather(leaf, tiled=True)


def _is_divided(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and not (
        leaf.is_fully_addressable or leaf.is_fully_replicated
    )


def _is_on(leaf: Any, where: NamedSharding) -> bool:
    return isinstance(leaf, jax.Array) and leaf.sharding.device_set == where.device_set


def _is_key(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key)


def _gathered(number: float) -> np.ndarray:
    return np.asarray(multihost_utils.process_allgather(np.float32(number)))


def _is_noticed(count: int) -> bool:
    try:
        return bool(multihost_utils.reached_preemption_sync_point(count))
    except RuntimeError:  # that service is off
        return False
