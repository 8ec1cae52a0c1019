"""Settings of every test: quick compilation, no silent broadcasting, fixed keys, few programs."""

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

# Most of a test is compiling, which takes half as long if the machine code is not optimised: as in
# JAX's own tests. Set before JAX first computes, and seen by the processes that tests start.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

jax.config.update("jax_numpy_rank_promotion", "raise")

MAPS, MANY_MAPS = Path("/proc/self/maps"), 30_000


@pytest.fixture(autouse=True, scope="module")
def few_memory_maps() -> Iterator[None]:
    """Every compiled program holds some memory maps; Linux gives a process 65,530 of them, and XLA
    aborts when there are no more."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture
def x64() -> Iterator[None]:
    """Float64 for one test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
