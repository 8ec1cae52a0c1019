"""Which checkpoints there are; which are made and which are kept, as orbax asks it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Always:
    """Saved is what `save` is called with."""

    def should_save(self, *args: Any, **kwargs: Any) -> bool:
        """Yes."""
        return True


class LatestAndBest:
    """Kept are the last few, and the one of the best score; of equals the first."""

    def __init__(self, keep: int, scores: dict[int, float]):
        self.keep, self.scores = keep, scores

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        """Which of the checkpoints stay."""
        del context
        epochs = [checkpoint.step for checkpoint in checkpoints]
        scored = [epoch for epoch in epochs if epoch in self.scores]
        best = max(scored, key=self.scores.__getitem__, default=None)
        return [epoch in epochs[-self.keep :] or epoch == best for epoch in epochs]


def epochs_in(folder: Path) -> list[int]:
    """The epochs of which there are checkpoints, in order."""
    return sorted(int(path.name) for path in folder.iterdir() if _is_checkpoint(path))


def check_names(folder: Path) -> None:
    """ValueError for what orbax would take for a checkpoint, and is none."""
    for path in folder.iterdir():
        if path.name.isdigit() and not _is_checkpoint(path):
            raise ValueError(f"{path} is no checkpoint's folder: move it out of the way.")


def _is_checkpoint(path: Path) -> bool:
    """Whether a folder is named by an epoch, as they are written here."""
    return re.fullmatch("0|[1-9][0-9]*", path.name) is not None and path.is_dir()
