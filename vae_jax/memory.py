"""How much a compiled program needs, and how much of the memory there is it may have."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from vae_jax import hosts

SHARE = 1 / 8  # beside a program stand the data, the optimizer, and other people's programs
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def room() -> float | None:
    """The bytes that one program may take: a share of the device's memory, of the host's where the
    device has none of its own; None where that is not known. The same at every call, so that what
    is chosen by it is; of several hosts the least, so that all choose the same."""
    (device,) = jnp.zeros(()).devices()
    there = (device.memory_stats() or {}).get("bytes_limit") or _of_host()
    room = hosts.least(math.inf if there is None else SHARE * there)
    return None if math.isinf(room) else room


def bytes_needed(program: Any, *args: Any) -> int | None:
    """The bytes that a jitted function needs beside these arguments, as its compiler says; None
    where it does not. It is compiled, and the call of these arguments that follows is not."""
    found = program.lower(*args).compile().memory_analysis()
    if found is None:
        return None
    return int(found.temp_size_in_bytes + found.output_size_in_bytes)


def most_at_once(needed: Callable[[int], int | None], most: int) -> int:
    """The largest number tried, from `most` down, that needs no more bytes than there is room; 1,
    if none does.

    Args:
      needed: the bytes that so many at once need; None where that is not known.
      most: the most that are asked for.
    """
    number, there = most, room()
    while number > 1 and there is not None:
        bytes_ = needed(number)
        if bytes_ is None or bytes_ <= there:
            break
        number = max(1, min(number - 1, int(number * there / bytes_)))
    return number


def _of_host() -> int | None:
    """The machine's memory, or a container's part of it; None where the system does not say."""
    if not hasattr(os, "sysconf"):
        return None
    limits = [Path(path).read_text("utf-8").strip() for path in _LIMITS if Path(path).exists()]
    own = [int(limit) for limit in limits if limit.isdigit()]
    return min([os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *own])
