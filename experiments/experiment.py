"""An experiment: what is trained, on what, how, and how it is scored."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import optax

from vae_jax import data
from vae_jax.checks import check_count
from vae_jax.model import VAE
from vae_jax.objectives import Objective
from vae_jax.types import Batch

EVALUATION_KEY = 1  # of the one fixed draw of binary or dequantised test data, whatever the seed


class Experiment(NamedTuple):
    """What a config returns, and `experiments.train` runs."""

    model: VAE
    objective: Objective
    optimizer: optax.GradientTransformation
    train: Batch  # integers as stored, prepared anew at every step
    test: Batch  # prepared once
    prepare: data.Prepare
    labels: np.ndarray | None  # of the test images, to colour the latent map
    batch_size: int
    epochs: int
    importance_samples: int  # K of the reported log-likelihood
    seed: int
    num_levels: int | None = None  # of dequantised intensities; None where x is binary
    scan: bool = True  # see train_epoch: False for convolutions on a CPU


Config = Callable[..., Experiment]


def batch(split: data.Split, conditional: bool = False) -> Batch:
    """A split as the batch of all its examples: {"x": ...}, and "c" if the model is conditional."""
    return {"x": split.x, "c": split.label} if conditional else {"x": split.x}


def fixed_batch(split: data.Split, prepare: data.Prepare, conditional: bool = False) -> Batch:
    """The same, prepared once from a fixed key."""
    x = data.prepare_fixed(prepare, jax.random.key(EVALUATION_KEY), jax.numpy.asarray(split.x))
    return {**batch(split, conditional), "x": x}


def cosine_adam(
    learning_rate: float, num_examples: int, batch_size: int, epochs: int, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Adam, its rate falling to zero along half a cosine over the whole run."""
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    if batch_size > num_examples:
        raise ValueError(f"{num_examples} examples do not fill one batch of {batch_size}.")
    steps = epochs * (num_examples // batch_size)
    return optax.adam(optax.cosine_decay_schedule(learning_rate, steps), eps=eps)
