"""How far a run is: status.json, failure.json, and what its checkpoints say."""

from pathlib import Path

import numpy as np

from vae_jax.checkpoint import Checkpoints
from vae_jax.runs import folder as run_folder
from vae_jax.train import NotFiniteError

_DONE = ("finished", "stopped early")


def write_status(
    folder: Path, state: str, epoch: int, epochs: int, best_epoch: int | None = None
) -> None:
    """status.json: a run that has done `epoch` of `epochs`."""
    content = {"state": state, "epoch": epoch, "epochs": epochs, "best_epoch": best_epoch}
    run_folder.write_json(folder / "status.json", content)


def write_failure(folder: Path, error: NotFiniteError, epochs: int) -> None:
    """failure.json, and the status that goes with it."""
    terms = {name: t if np.isfinite(t) else str(t) for name, t in error.terms.items()}
    content = {"error": str(error), **vars(error), "terms": terms}
    run_folder.write_json(folder / "failure.json", content)
    write_status(folder, "failed", last_epoch(folder), epochs)


def last_epoch(folder: Path) -> int:
    """Of the checkpoints; 0 where there is none."""
    if not (folder / "checkpoints").is_dir():
        return 0
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return max(checkpoints.epochs, default=0)


def has_begun(folder: Path) -> bool:
    """Whether there is anything that training made."""
    rows, failure = run_folder.read_rows(folder / "metrics.jsonl"), folder / "failure.json"
    return bool(rows) or failure.exists() or last_epoch(folder) > 0


def is_done(folder: Path, epochs: int) -> bool:
    """Whether a run of so many epochs has ended, and what follows its training."""
    status = run_folder.read_status(folder)
    return status.get("state") in _DONE and status.get("epochs") == epochs
