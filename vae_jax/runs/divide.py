"""What a run trains on and what it evaluates on; how many steps that makes."""

from typing import Any

import jax
import numpy as np

from vae_jax import data as datasets
from vae_jax.checks import check_count, seeded
from vae_jax.configs import Data, Experiment
from vae_jax.configs.experiment import fixed
from vae_jax.data.sources import read_example
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs.load import example_of
from vae_jax.runs.training import Training
from vae_jax.train.epochs import steps_of
from vae_jax.types import Batch

Json = dict[str, Any]


def divide(
    experiment: Experiment, data: Data, training: Training
) -> tuple[Batch | datasets.Source, Batch]:
    """What is trained on, and what is evaluated on: examples set aside, or the test data."""
    number = training.hold_out
    if number == 0:
        return data.train, data.test
    order = np.random.default_rng(0).permutation(number + _num_trained(data, training))
    kept, aside = (
        jax.tree.map(lambda leaf, part=part: leaf[part], data.train)
        for part in (np.sort(order[number:]), order[:number])
    )
    return kept, fixed(experiment.examples.prepare, aside)


def _num_trained(data: Data, training: Training) -> int:
    """How many examples are trained on. ValueError where none can be set aside, or none is left."""
    train, number = data.train, training.hold_out
    if number and not isinstance(train, dict):
        raise ValueError("hold_out needs training data in memory, and these are streamed.")
    N = size_of(train) if isinstance(train, dict) else len(train)
    if not 0 <= number < N:
        raise ValueError(f"hold_out must leave some of the {N} training examples; got {number}.")
    return N - number


def epoch_steps(experiment: Experiment, data: Data, training: Training) -> int:
    """Of one epoch. ValueError where the options make no run."""
    check_count("epochs", experiment.trained.epochs)
    seeded(experiment.trained.seed)
    if size_of(data.test) < 2:
        raise ValueError("A run needs two test examples at least to be scored; there is one.")
    return steps_of(_num_trained(data, training), experiment.trained.batch_size)


def stored(data: Data) -> Json:
    """The form of one example before it is prepared."""
    if isinstance(data.train, dict):
        return example_of(data.train)
    return example_of(
        jax.tree.map(lambda leaf: np.asarray(leaf)[None], read_example(data.train, 0))
    )
