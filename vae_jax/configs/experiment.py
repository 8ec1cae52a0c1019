"""An experiment: what is trained, on what, how, and how it is scored."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import optax

from vae_jax import data
from vae_jax.models import VAE
from vae_jax.objectives import Objective
from vae_jax.types import Array, Batch

EVALUATION_KEY = 1  # of the one fixed draw of binary or dequantised test data, whatever the seed


class Data(NamedTuple):
    """What an experiment is trained on and scored on, on the host.

    Fields:
      train: as stored, prepared anew at every step; or a source that is read as it is needed.
      test: prepared once.
      labels: of the test examples, to colour the latent map; or None.
    """

    train: Batch | data.Source
    test: Batch
    labels: np.ndarray | None


class Experiment(NamedTuple):
    """What a config returns, and `train` runs.

    Fields:
      model: the VAE.
      objective: what is descended.
      optimizer: the learning rate's schedule -> optimizer.
      learning_rate: where it starts, or, with a warm-up, what it rises to.
      load: () -> Data. Nothing is read before it is called: a trained model can be used where its
        data are not.
      prepare: (key, example) -> example; see `data`.
      batch_size, epochs, seed: of training.
      importance_samples: K of the reported log-likelihood.
      num_levels: of dequantised intensities; None where x is not made of integers.
      scan: see `train_epoch`; False on a CPU for `resized`, `pooled` and `nn.Conv`.
      text: one example -> what to print of it; None where examples are images.
      found: options that were read from the data, kept with the run so that it can be loaded
        without them.
    """

    model: VAE
    objective: Objective
    optimizer: Callable[[optax.Schedule], optax.GradientTransformation]
    learning_rate: float
    load: Callable[[], Data]
    prepare: data.Prepare | None
    batch_size: int
    epochs: int
    importance_samples: int
    seed: int
    num_levels: int | None = None
    scan: bool = True
    text: Callable[[Array], str] | None = None
    found: dict[str, object] | None = None


Config = Callable[..., Experiment]


def batch(split: data.Split, conditional: bool = False) -> Batch:
    """A split as the batch of all its examples: {"x": ...}, and "c" if the model is conditional."""
    return {"x": split.x, "c": split.label} if conditional else {"x": split.x}


def fixed(prepare: data.Prepare | None, examples: Batch) -> Batch:
    """The same examples, prepared once from a fixed key."""
    if prepare is None:
        return examples
    key = jax.random.key(EVALUATION_KEY)
    return data.prepare_fixed(prepare, key, examples)


def images(dataset: data.Dataset, prepare: data.Prepare | None, conditional: bool = False) -> Data:
    """Training and test split of a data set, for an experiment."""
    test = fixed(prepare, batch(dataset.test, conditional))
    return Data(batch(dataset.train, conditional), test, dataset.test.label)
