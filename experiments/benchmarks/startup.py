"""What comes before the first step: importing the library, and compiling an epoch.

Each is measured in a process of its own, which has compiled nothing yet and keeps no compiled code
on the disk.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from experiments.benchmarks.contest import ROOT

IMPORTS = {
    "nothing": "pass",
    "jax, flax, optax": "import jax, flax, optax",
    "vae_jax": "import vae_jax",
}
COMPILED = ("mlp", "iwae k=1", "iwae k=50")
_EPOCH = """
import json, sys, time
from experiments.benchmarks.cases import CASES
from experiments.benchmarks.jax_side import library
turn, seconds = library(CASES[sys.argv[1]], steps=3), []
for _ in range(2):
    start = time.perf_counter()
    turn()
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
"""

Row = dict[str, Any]


def imports(rounds: int) -> list[Row]:
    """Seconds from the start of Python to its end, in turn, after one to warm up the disk."""
    every: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(1 + rounds):
        for name, code in IMPORTS.items():
            start = time.perf_counter()
            _python(code)
            every[name].append(time.perf_counter() - start)
    return [_row(name, seconds[1:]) for name, seconds in every.items()]


def compilations(rounds: int, cases: Sequence[str] = COMPILED) -> list[Row]:
    """Seconds of the first epoch of three steps, less those of the second, the cases in turn."""
    every: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, spent in every.items():
            first, second = json.loads(_python(_EPOCH, name))
            spent.append(first - second)
    return [_row(name, seconds) for name, seconds in every.items()]


def _row(name: str, seconds: list[float]) -> Row:
    return {"name": name, "seconds": statistics.median(seconds), "every_seconds": seconds}


def _python(code: str, *arguments: str) -> str:
    """What some code prints, in a new process at the root of the repository."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout
