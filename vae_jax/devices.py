"""The devices that a batch is divided among: all that there are, unless fewer are asked for.

    with devices.only(4):
        fitted = fit(model, step, data, key=key, epochs=50, batch_size=128)

They are one mesh, of one axis, "batch". Each device has all parameters and an equal part of the
examples; what the examples have in common, a mean or a gradient, is a sum over all devices. On one
device there is no mesh: nothing is placed, and nothing is compiled another way. Of several hosts
(`vae_jax.hosts`) as many devices of each are used, all in the one mesh.

A number of devices stands here as the sharding of a batch among them, None for one.
"""

import contextlib
import functools
import math
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vae_jax import hosts

AXIS = "batch"
_asked: ContextVar[int | None] = ContextVar("devices", default=None)


def count() -> int:
    """How many devices are used: all that the hosts have, or of each as many as `only` says; one,
    where `jax.default_device` says which. ValueError for hosts that are not joined or not alike."""
    if jax.config.jax_default_device is not None:  # type: ignore[attr-defined,unused-ignore]
        return 1
    hosts.check_joined()
    asked = _asked.get()
    return jax.process_count() * (hosts.devices_of_each() if asked is None else asked)


@contextlib.contextmanager
def only(number: int) -> Iterator[None]:
    """So many of the devices are used within it, the first; of several hosts, so many of each.

    Raises:
      ValueError: there are not so many, or it is none.
    """
    there = jax.local_device_count()
    if not 1 <= number <= there:
        raise ValueError(
            f"{number} devices were asked for, and this process has {there}: devices=<a number in 1"
            f" .. {there}>, or leave it out and all are used."
        )
    before = _asked.set(number)
    try:
        yield
    finally:
        _asked.reset(before)


def dividing(batch_size: int) -> int:
    """The most of the devices that divide a batch into equal parts, as many of each host.

    Raises:
      ValueError: not even one of each host does.
    """
    most, number = count(), jax.process_count()
    parts = range(most, 0, -number) if most > 1 else [1]
    found = next((part for part in parts if batch_size % part == 0), None)
    if found is None:
        raise ValueError(
            f"A batch of {batch_size} cannot be divided equally among {number} hosts: pass a"
            f" batch_size that is a multiple of {number}."
        )
    return found


def of_batch(batch_size: int, data: Any = None) -> NamedSharding | None:
    """How a batch that may not be filled up is divided: as the data are, where they are divided;
    else among as many devices as divide it into equal parts. Where some are idle by that, it is
    warned of, once.

    A batch of a training is never filled up: the filling would be in its gradient and in every mean
    over it.

    Args:
      batch_size: B.
      data: {"x": [N, ...], ...}; anything else is divided in no way.

    Raises:
      ValueError: the data are divided among a number of devices that does not divide the batch.
    """
    own = _division(data)
    if own is None:
        number = dividing(batch_size)
        _warn_of_idle(batch_size, number, count())
        return _first(number)
    parts = _parts(own)
    if batch_size % parts:
        raise ValueError(
            f"The data are divided among {parts} devices, and a batch of {batch_size} cannot be"
            f" divided equally among them: pass a batch_size that is a multiple of {parts}, or the"
            " data as they were before they were divided."
        )
    return own


def of_all() -> NamedSharding | None:
    """How a batch that may be filled up is divided: among all devices that are used."""
    return _first(count())


def filled(size: int) -> int:
    """The size, up to the next multiple of the devices that are used."""
    return -(-size // count()) * count()


def divided(data: Any) -> Any:
    """Data, a part of their examples on each device: for those that are too large for one.

    `fit`, `train_epoch` and the rest leave them as they are. Each device then looks for its own
    examples of a batch, and they meet in a sum: some traffic at each step, in the place of a copy
    of all data on every device.

    Args:
      data: {"x": [N, ...], "c": [N, ...]}.

    Raises:
      ValueError: N is no multiple of the number of devices.
    """
    among, parts = of_all(), count()
    if among is None:
        return data
    sizes = {leaf.shape[0] for leaf in jax.tree.leaves(data)}
    for N in sorted(sizes):
        if N % parts:
            raise ValueError(
                f"{N} examples cannot be divided equally among {parts} devices: leave out the last"
                f" {N % parts}, or use fewer devices, devices.only(...)."
            )
    return apart(data, among)


def apart(batch: Any, among: NamedSharding | None) -> Any:
    """A batch, each part of it on its device; on one device as it is. Each host has all of it."""
    if among is None:
        return batch
    if hosts.several():
        return jax.tree.map(lambda leaf: hosts.of_all(leaf, among), batch)
    return jax.device_put(batch, among)


def everywhere(tree: Any, among: NamedSharding | None) -> Any:
    """Arrays as all devices of a division need them: a copy on each, but of those that are divided
    among the same devices already, which stay so. On one device as they are; there of those that
    are on several, a copy on it."""
    if among is None:
        return tree if jax.device_count() == 1 else jax.tree.map(_on_one, tree)

    def where(leaf: Any) -> NamedSharding:
        own = _sharding(leaf)
        if own is None or own.is_fully_replicated or own.device_set != among.device_set:
            return NamedSharding(among.mesh, PartitionSpec())
        return _automatic(own, own.spec)

    if hosts.several():
        return jax.tree.map(lambda leaf: hosts.of_all(leaf, where(leaf)), tree)
    return jax.device_put(tree, jax.tree.map(where, tree))


def placed(data: Any, batch_size: int) -> Any:
    """Data {"x": [N, ...], ...} where their batches are gathered, to be put there once: on every
    device among which a batch is divided, or as they are divided."""
    among = of_batch(batch_size, data)
    return jax.device_put(data) if among is None else everywhere(data, among)


def forms(tree: Any, among: NamedSharding | None) -> Any:
    """Shapes and types, as those of arrays that are on every device of a division."""
    if among is None:
        return tree
    copied = NamedSharding(among.mesh, PartitionSpec())
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=copied), tree
    )


def _first(number: int) -> NamedSharding | None:
    return None if number == 1 else NamedSharding(_mesh(number), PartitionSpec(AXIS))


@functools.cache
def _mesh(number: int) -> Mesh:
    devices, each = jax.devices(), number // jax.process_count()
    how: Any = {"axis_types": (AxisType.Auto,)}
    if number < len(devices):
        of_hosts = [
            [d for d in devices if d.process_index == host][:each]
            for host in range(jax.process_count())
        ]
        return Mesh(np.concatenate(of_hosts), (AXIS,), **how)
    return jax.make_mesh((number,), (AXIS,), devices=devices, **how)  # in the order of their wires


def _division(data: Any) -> NamedSharding | None:
    """Of the first array whose examples are divided among devices: how a batch is divided so."""
    for leaf in jax.tree.leaves(data if isinstance(data, dict) else None):
        own = _sharding(leaf)
        if own is not None and own.spec and own.spec[0] is not None:
            return _automatic(own, PartitionSpec(own.spec[0]))
    return None


def _sharding(leaf: Any) -> NamedSharding | None:
    if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
        return None
    return leaf.sharding if isinstance(leaf.sharding, NamedSharding) else None


def _automatic(own: NamedSharding, spec: PartitionSpec) -> NamedSharding:
    """On the same devices, of a mesh on which XLA divides the work: that of `jax.make_mesh` would
    have every array's division said."""
    mesh, types = own.mesh, (AxisType.Auto,) * len(own.mesh.axis_names)
    return NamedSharding(Mesh(mesh.devices, mesh.axis_names, axis_types=types), spec)


def _parts(among: NamedSharding) -> int:
    names = among.spec[0] if isinstance(among.spec[0], tuple) else (among.spec[0],)
    return math.prod(among.mesh.shape[name] for name in names)


def _on_one(leaf: Any) -> Any:
    """A copy on one device of an array that is on several."""
    if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
        return leaf
    (here,) = jnp.zeros(()).devices()
    return leaf if len(leaf.devices()) == 1 else jax.device_put(hosts.here(leaf), here)


@functools.cache  # once in a process
def _warn_of_idle(batch_size: int, number: int, there: int) -> None:
    if number < there:
        warnings.warn(
            f"A batch of {batch_size} is divided among {number} of the {there} devices, since more"
            f" do not divide it into equal parts: a multiple of {there} would use all.",
            stacklevel=4,
        )
