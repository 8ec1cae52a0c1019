"""Settings of every test: quick compilation, no silent broadcasting, fixed keys, few programs."""

import gc
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

# Most of a test would be compiling. The machine code is not optimised, as in JAX's own tests; it is
# made by one thread, and by the older of two ways, which later versions of JAX do not have: that
# took 114 tests from 104 s of a processor to 54, of which 48 are not compiling. And what one run of
# the tests has compiled the next one reads. Set before JAX is imported, and seen by the processes
# that tests start.
_FLAGS = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
if tuple(map(int, version("jaxlib").split(".")[:2])) < (0, 11):
    _FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(_FLAGS))
_CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_CACHES / "vae_jax" / "tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")

MAPS, MANY_MAPS = Path("/proc/self/maps"), 20_000


@pytest.fixture(autouse=True, scope="module")
def small_heap() -> Iterator[None]:
    """Every compiled program holds some memory maps; Linux gives a process 65,530 of them, and XLA
    aborts when there are no more. And what JAX's caches keep of a module, gigabytes in the end, is
    not walked through again by every later collection of garbage."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY_MAPS:
        gc.unfreeze()
        jax.clear_caches()
    gc.collect()
    gc.freeze()


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture
def x64() -> Iterator[None]:
    """Float64 for one test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
