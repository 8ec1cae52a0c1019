"""What a number depends on besides the config: versions, commit, devices, products."""

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from vae_jax import devices
from vae_jax.configs import Experiment
from vae_jax.evaluate.products import precisions

Json = dict[str, Any]

_PACKAGES = ("vae_jax", "jax", "flax", "optax", "numpy")


def circumstances() -> dict[str, Any]:
    """Versions, the commit of a clone (None of an installed package), device, products, platform.

    A package that is not installed has no version, None.
    """
    return {
        "versions": {"python": platform.python_version(), **{p: _version(p) for p in _PACKAGES}},
        "commit": _commit(),
        "device": str(jax.devices()[0]),
        "products": precisions(),
        "platform": platform.platform(),
    }


def of_run(experiment: Experiment) -> Json:
    """The same, and how many devices are used in an evaluation, and in training, whose batches are
    not filled up; of how many hosts."""
    training, number = devices.dividing(experiment.trained.batch_size), jax.process_count()
    used = {"evaluation": devices.count(), "training": training, "hosts": number}
    return {"devices": used, **circumstances()}


def resumed(config: Json, done: int, now: Json) -> Json:
    """config.json of a run that goes on: where the circumstances are others than those that it
    tells of last, they are one more entry of "resumed". An entry after which nothing was trained
    gives way.

    Args:
      config: config.json as it is.
      done: the epoch of the last checkpoint.
      now: of `of_run`.
    """
    before = [one for one in config.get("resumed", []) if one["after"] < done]
    last, now = [config, *before][-1], json.loads(json.dumps(now))
    changed = any(last.get(name) != value for name, value in now.items())
    entries = [*before, *([{"after": done, **now}] if changed else [])]
    others = {name: value for name, value in config.items() if name != "resumed"}
    return {**others, **({"resumed": entries} if entries else {})}


def _version(package: str) -> str | None:
    """None of one that is not installed, as where a clone is run as it lies."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None  # installed: a repository around it would be another's
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
