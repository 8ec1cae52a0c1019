"""What a number depends on besides the config: versions, commit, device, products."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from vae_jax.evaluate.products import precisions

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
