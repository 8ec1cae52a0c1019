"""Some steps of a run, from its first parameters: to be timed or traced, and nothing is kept."""

from collections.abc import Callable
from typing import Any, final

import jax

from vae_jax.checks import seeded
from vae_jax.configs import Data, Experiment
from vae_jax.data import Source
from vae_jax.runs.divide import divide, epoch_steps
from vae_jax.runs.stretches import stretches_of
from vae_jax.runs.training import Training, make_step
from vae_jax.train import fit
from vae_jax.types import Batch, Params


def trial(
    experiment: Experiment,
    data: Data,
    training: Training,
    steps: int,
    report: Callable[[dict[str, Any], Params], None],
    *,
    evaluated: bool,
) -> None:
    """Two epochs of so many steps each: the first compiles, the second does not.

    Args:
      experiment, data, training: of the run.
      steps: of an epoch, at most as many as the run's has.
      report: as of `fit`.
      evaluated: whether each ends in an evaluation.
    """
    trained = experiment.trained
    train, held_out = divide(experiment, data, training)
    schedule = stretches_of({}, experiment), epoch_steps(experiment, data, training)
    fit(
        trained.model,
        make_step(experiment, training, *schedule),
        _first(train, steps * trained.batch_size),
        key=seeded(trained.seed),
        epochs=2,
        batch_size=trained.batch_size,
        prepare=experiment.examples.prepare,
        held_out=held_out if evaluated else None,
        rate=experiment.views.rate,
        score=None,
        scan=trained.scan,
        report=report,
    )


@final
class _Part:
    """The first examples of a source."""

    def __init__(self, source: Source, number: int):
        self.source, self.number = source, number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, i: int) -> Any:
        return self.source[i]


def _first(data: Batch | Source, number: int) -> Batch | Source:
    if isinstance(data, dict):
        return jax.tree.map(lambda leaf: leaf[:number], data)
    return _Part(data, number)
