"""The processes of a part, each with the accelerator, none with all of its memory."""

import os
import sys
from collections.abc import Mapping

from experiments.benchmarks.contest import Contestant

# Taken as it is needed, of nearly all there is.
SHARING = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95"}


def contestant(name: str, module: str, environment: Mapping[str, str] | None = None) -> Contestant:
    """A process of a module of this package, or of the benchmarks ("benchmarks.torch_side")."""
    package = "experiments" if "." in module else "experiments.accelerator"
    command = (sys.executable, "-m", f"{package}.{module}")
    return Contestant(name, command, {**SHARING, **(environment or {})})


def flags(more: str) -> dict[str, str]:
    """The environment of a process that is to have flags of XLA besides those that all have."""
    return {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {more}".strip()}
