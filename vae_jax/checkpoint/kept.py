"""Which checkpoints are made and which are kept, as orbax asks it."""

from collections.abc import Sequence
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
