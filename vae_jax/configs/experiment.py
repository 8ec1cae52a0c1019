"""An experiment: what is trained, on which examples, and how it is scored and shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
import optax

from vae_jax import data
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import rate
from vae_jax.show import Show, by_shape
from vae_jax.train import Step
from vae_jax.types import Batch, Event, Key, Params

EVALUATION_KEY = 1  # of the one fixed draw of binary or dequantised test data, whatever the seed


class Optimize(Protocol):
    """Makes the optimizer of a run, or that of each of its players."""

    def __call__(
        self,
        make: Callable[[Any], optax.GradientTransformation],
        scale: float = 1.0,
        updates: int = 1,
    ) -> optax.GradientTransformation:
        """The optimizer with what the options of a run add: schedule, clipping, the reported rate.

        Args:
          make: the learning rate -> optimizer: `optax.adam`.
          scale: of the run's learning rate, for a player that has another.
          updates: of this player in a step, as in `Player`: its schedule ends with the run.
        """


class Trained(NamedTuple):
    """What is trained, and how.

    Fields:
      model: the VAE.
      step: (optimize) -> Step: `lambda optimize: descend(objective, optimize(optax.adam))`, or
        players, each with an optimizer of its own; see `Optimize`.
      learning_rate: where it starts, or, with a warm-up, what it rises to.
      batch_size, epochs, seed: of training.
      scan: see `train_epoch`; False on a CPU for `resized`, `pooled` and `nn.Conv`.
    """

    model: VAE
    step: Callable[[Optimize], Step]
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int
    scan: bool = True


class Data(NamedTuple):
    """What an experiment is trained on and scored on, on the host.

    Fields:
      train: as stored, prepared anew at every step; or a source that is read as it is needed.
      test: prepared once.
      labels: of the test examples, to colour the latent map; or None.
      notes: sentences on how they were read, which a run tells and keeps.
    """

    train: Batch | data.Source
    test: Batch
    labels: np.ndarray | None
    notes: tuple[str, ...] = ()


def other_images(
    path: Path,
    key: str | None = None,
    *,
    layout: str | None = None,
    levels: int | None = None,
    signed: bool | None = None,
) -> data.Split:
    """Images that are not the experiment's own: a folder of them, or an .npy or .npz."""
    if path.is_dir():
        return data.read_images(path)
    return data.read_array(path, key=key, layout=layout, levels=levels, signed=signed)


class Gaps(NamedTuple):
    """A table of which values are missing, to be filled in.

    Fields:
      rows: () -> all of them in the order of the file, as a model is given them.
      filled: x, of all rows -> {the name of a column: its values [N]}, in the units of the file;
        what was there is as it was.
    """

    rows: Callable[[], Batch]
    filled: Callable[[Event], dict[str, np.ndarray]]


class Examples(NamedTuple):
    """The examples of an experiment.

    Fields:
      load: () -> Data. Nothing is read before it is called: a trained model can be used where its
        data are not.
      prepare: (key, example) -> example; see `data`. None leaves them as they are.
      num_levels: of dequantised intensities; 1 of integers that are scored as they are; None where
        x is not made of integers.
      found: options that were read from the data, kept with the run so that it can be loaded
        without them.
      others: (path, the name of an array in it) -> other examples, as stored, all of them in their
        order, read as the experiment's own are.
      gaps: where values may be missing; None where none may be.
    """

    load: Callable[[], Data]
    prepare: data.Prepare | None = None
    num_levels: int | None = None
    found: dict[str, object] | None = None
    others: Callable[[Path, str | None], data.Split] = other_images
    gaps: Gaps | None = None


def same(x: Event) -> Event:
    """As it is."""
    return x


def no_more(model: VAE, params: Params, key: Key, test: Batch) -> dict[str, float]:
    """No numbers besides those every run has."""
    del model, params, key, test
    return {}


class Views(NamedTuple):
    """How an experiment is scored and shown.

    Fields:
      rate: how the rate of the bound is computed: `rate`, in closed form, or `sampled_rate`, where
        there is none (a `chain`). None says that there is no bound: a Delta for a posterior, a
        likelihood that is no density. Then the distortion is what is scored and reported.
      importance_samples: K of the reported log-likelihood.
      score: (model, params, key, test) -> {name: number}, numbers of its own in evaluation.json.
      show: how examples are shown; see `show`.
      restore: examples [N, ...] of the model -> as they stand in a file, in its units: what the
        commands write beside their pictures.
      lengths: of texts of several lengths, whose condition is their length: how many training
        examples there are of each, 0, 1, ..., from which those of samples are drawn; () of others.
    """

    rate: Rate | None = rate
    importance_samples: int = 100
    score: Callable[[VAE, Params, Key, Batch], dict[str, float]] = no_more
    show: Show = by_shape()
    restore: Callable[[Event], Event] = same
    lengths: tuple[int, ...] = ()


class Experiment(NamedTuple):
    """What a config returns, and `train` runs: what is trained, on what, and what is seen of it."""

    trained: Trained
    examples: Examples
    views: Views = Views()


Config = Callable[..., Experiment]


def batch(split: data.Split, conditional: bool = False) -> Batch:
    """A split as the batch of all its examples: {"x": ...}, and "c" if the model is conditional."""
    return {"x": split.x, "c": split.label} if conditional else {"x": split.x}


def fixed(prepare: data.Prepare | None, examples: Batch) -> Batch:
    """The same examples, prepared once from a fixed key."""
    if prepare is None:
        return examples
    return data.prepare_fixed(prepare, jax.random.key(EVALUATION_KEY), examples)


def images(dataset: data.Dataset, prepare: data.Prepare | None, conditional: bool = False) -> Data:
    """Training and test split of a data set, for an experiment."""
    test = fixed(prepare, batch(dataset.test, conditional))
    return Data(batch(dataset.train, conditional), test, dataset.test.label, dataset.notes)
