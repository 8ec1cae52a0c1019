"""What goes into `fit`, what changes in it, and what comes out."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vae_jax.data import Prepare, Source
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import rate
from vae_jax.train.steps import Step, TrainState
from vae_jax.types import Batch, Params

Row = dict[str, Any]  # what is reported of an epoch; see `fit`


def held_out_score(row: Row) -> float:
    """The evidence lower bound of a held-out row, or, without a bound, minus its distortion: the
    larger the better."""
    return row["elbo"] if "elbo" in row else -row["distortion"]


class Progress(NamedTuple):
    """How far a run is, and its best held-out score so far."""

    epoch: int = 0
    best_epoch: int | None = None
    best_score: float | None = None
    since_best: int = 0  # held-out scores since, which were no better


class Fitted(NamedTuple):
    """What `fit` returns.

    Fields:
      params: those to use: of the best held-out score, or the last where nothing is chosen by;
        averages, where the step keeps some.
      state: of training, at the end.
      progress: how far it came.
      rows: what was reported, in order.
      ended: "finished", "stopped early" or "interrupted".
    """

    params: Params
    state: TrainState
    progress: Progress
    rows: list[Row]
    ended: str


class Settings(NamedTuple):
    """What does not change while `fit` runs: its arguments, which its docstring explains."""

    model: VAE
    step: Step
    data: Batch | Source
    epochs: int
    batch_size: int = 100
    prepare: Prepare | None = None
    held_out: Batch | None = None
    rate: Rate | None = rate
    score: Callable[[Row], float] | None = held_out_score
    evaluate_every: int = 1
    patience: int | None = None
    patient_after: int = 0
    scan: bool = True
    report: Callable[[Row, Params], None] = lambda row, params: None
    stop: Callable[[], bool] = lambda: False


class Now(NamedTuple):
    """What changes from epoch to epoch."""

    state: TrainState
    progress: Progress
    best: Params  # None until there is a best
