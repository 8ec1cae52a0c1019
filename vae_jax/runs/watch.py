"""Who looks on while a run is trained, and what comes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from vae_jax.configs import Data, Experiment
from vae_jax.evaluate.examples import Progress
from vae_jax.runs.pictures import Missing

Json = dict[str, Any]


class Watch(NamedTuple):
    """Who looks on, and may say stop.

    Fields:
      begin: called with the experiment, its data and the first epoch, before training.
      row: called with each row of metrics.jsonl.
      missing: called with the pictures that could not be drawn, by name, and why.
      scoring: wraps the loop over batches of the final likelihood.
      stop: asked after each epoch.
    """

    begin: Callable[[Experiment, Data, int], None] = lambda experiment, data, first: None
    row: Callable[[Json], None] = lambda row: None
    missing: Callable[[Missing], None] = lambda missing: None
    scoring: Progress = iter
    stop: Callable[[], bool] = lambda: False


NOBODY = Watch()


class Ended(NamedTuple):
    """How a run ended ("finished", "stopped early", "interrupted"), and its scores, where there are
    some."""

    folder: Path
    ended: str
    scores: Json | None
