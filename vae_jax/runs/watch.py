"""Who looks on while a run is trained, and what comes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from vae_jax.configs import Data, Experiment
from vae_jax.types import Progress

Json = dict[str, Any]


class Watch(NamedTuple):
    """Who looks on, and may say stop.

    Fields:
      begin: called with the experiment, its data, the first epoch, and the name of the data that
        epochs are evaluated on, before training.
      row: called with each row of metrics.jsonl.
      note: called with a sentence that should be read: a picture that could not be drawn, how long
        scoring will take.
      scoring: wraps the loop over batches of the final likelihood.
      stop: asked after each epoch.
    """

    begin: Callable[[Experiment, Data, int, str], None] = lambda experiment, data, first, on: None
    row: Callable[[Json], None] = lambda row: None
    note: Callable[[str], None] = lambda sentence: None
    scoring: Progress = iter
    stop: Callable[[], bool] = lambda: False


NOBODY = Watch()


class Ended(NamedTuple):
    """How a run ended ("finished", "stopped early", "interrupted"), and its scores, where there are
    some."""

    folder: Path
    ended: str
    scores: Json | None
