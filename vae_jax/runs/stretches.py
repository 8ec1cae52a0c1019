"""The stretches of a run: that of its config, and one more each time the run was made longer."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from vae_jax.configs import Experiment

Json = dict[str, Any]


class Stretch(NamedTuple):
    """From one epoch to another, along a schedule of its own.

    Fields:
      after: the epochs done before it.
      epochs: those done at its end, in all.
      learning_rate: where it starts; or, of the first one, what a warm-up rises to.
    """

    after: int
    epochs: int
    learning_rate: float


Stretches = Sequence[Stretch]


def stretches_of(config: Json, experiment: Experiment) -> Stretches:
    """Those of a config.json, whose experiment this is: its own is the first. ValueError where the
    file is damaged."""
    trained, more = experiment.trained, config.get("extensions", [])
    try:
        extensions = [Stretch(**one) for one in more]
    except TypeError as error:
        raise ValueError(f"config.json is damaged: its extensions are {more}.") from error
    return [Stretch(0, trained.epochs, trained.learning_rate), *extensions]


def extended(
    config: Json, experiment: Experiment, done: int, epochs: int, learning_rate: float | None
) -> Json:
    """config.json of a run that goes on from `done` epochs to so many in all.

    An extension of which nothing was trained yet gives way to this one.

    Args:
      config: config.json as it is.
      experiment: of that config.
      done: the epoch of the last checkpoint.
      epochs: those in all.
      learning_rate: where the schedule starts anew; None for that of the stretch before.

    Raises:
      ValueError: so many are done already; a learning rate that is not above 0.
    """
    if epochs <= done:
        raise ValueError(
            f"The run has done {done} epochs already, of {epochs} asked for: epochs=<a number above"
            f" {done}> makes it longer."
        )
    if learning_rate is not None and not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be above 0, and finite; got {learning_rate}.")
    before = [more for more in config.get("extensions", []) if more["after"] < done]
    peak = stretches_of({**config, "extensions": before}, experiment)[-1].learning_rate
    new = Stretch(done, epochs, peak if learning_rate is None else learning_rate)
    return {**config, "extensions": [*before, new._asdict()]}


def whole(experiment: Experiment, stretches: Stretches) -> Experiment:
    """The experiment with the epochs of all stretches."""
    trained = experiment.trained._replace(epochs=stretches[-1].epochs)
    return experiment._replace(trained=trained)
