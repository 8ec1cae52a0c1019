"""The folder of one run: config.json, metrics.jsonl, evaluation.json, params/, pictures/."""

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

ROOT = Path(__file__).parent.parent


def create(name: str, out: Path | None) -> Path:
    """A new folder: `out`, or runs/<name>-<n> with the first n that is free.

    Raises:
      FileExistsError: `out` is there already and not empty.
    """
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise FileExistsError(f"{out} is not empty: name a new folder with --out.")
        folder = out
    else:
        folder = _first_free(Path("runs"), name)
    (folder / "pictures").mkdir()
    return folder


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write one readable JSON file."""
    path.write_text(json.dumps(content, indent=2, default=str) + "\n")


def append(path: Path, row: dict[str, Any]) -> None:
    """Add one line of JSON to a file of lines."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def circumstances() -> dict[str, Any]:
    """What a number depends on besides the config: versions, commit, device."""
    packages = ("vae_jax", "jax", "flax", "optax", "numpy")
    return {
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
        "commit": _commit(),
        "device": str(jax.devices()[0]),
        "platform": platform.platform(),
    }


def _first_free(parent: Path, name: str) -> Path:
    number = 1
    while True:
        folder = parent / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1


def _commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
