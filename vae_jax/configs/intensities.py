"""Images of integers or of floats in [0, 1], by any likelihood: the body of several configs."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
from flax import linen as nn
from flax.typing import Initializer

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained, Views, images
from vae_jax.data import Prepare
from vae_jax.networks import centred, one_hot
from vae_jax.types import Event

_LEAST_SIGMA = 0.01  # of data that hardly vary
_SOME = 10_000  # images whose deviation is looked at

Read: TypeAlias = tuple[Prepare | None, Callable[[Event], Event] | None]  # prepare, preprocess


class Fit(NamedTuple):
    """How long, and with how many latents.

    Fields:
      epochs, batch_size, learning_rate, seed: as in `Trained`.
      latents: dimensions of z.
    """

    epochs: int
    batch_size: int
    latents: int
    learning_rate: float
    seed: int


class Intensities(NamedTuple):
    """Images, as they are stored.

    Fields:
      load: () -> the data set.
      shape: of an image, [H, W, C].
      levels: of an intensity: 256 of bytes; 1 of floats in [0, 1].
      classes: of the labels that a conditional model is told; None of one that is not.
      bias_init: see `Form`.
      streamed: where the training images are read from as they are needed; see `images`.
    """

    load: Callable[[], datasets.Dataset]
    shape: tuple[int, ...]
    levels: int
    classes: int | None = None
    bias_init: Initializer = nn.initializers.zeros
    streamed: Callable[[], datasets.Source] | None = None


def of_intensities(
    stored: Intensities,
    how: Fit,
    choices: Choices,
    defaults: Choices,
    importance_samples: int = 100,
) -> Experiment:
    """The experiment.

    Args:
      stored: the images.
      how: it is trained.
      choices, defaults: as in `parts`.
      importance_samples: as in `Views`.
    """
    check_count("latents", how.latents)
    found: dict[str, object] = {}
    if choices.likelihood == "gaussian" and choices.sigma is None:
        choices = replace(choices, sigma=_sigma(stored))
        found = {"choices": choices}
    levels = stored.levels
    prepare, preprocess = _READ[choices.likelihood](levels)
    embed = None if stored.classes is None else one_hot(stored.classes)
    form = Form(stored.shape, levels if levels > 1 else None, bias_init=stored.bias_init)
    made = parts(choices, defaults, form, how.latents, embed, preprocess)
    return Experiment(
        Trained(made.model, made.step, how.learning_rate, how.batch_size, how.epochs, how.seed),
        Examples(
            lambda: _loaded(stored, prepare),
            prepare,
            num_levels=_unit(choices.likelihood, levels),
            found=found,
        ),
        Views(made.rate, importance_samples, show=_shown(choices.likelihood, levels)),
    )


def _dequantised(levels: int) -> Read:
    return (datasets.scale(1) if levels == 1 else datasets.dequantise(levels - 1)), None


def _binarised(levels: int) -> Read:
    return datasets.binarise(max(levels - 1, 1)), None


def _as_they_are(levels: int) -> Read:
    middle = max(levels - 1, 1) / 2
    return None, centred(middle, middle)


_READ: dict[str, Callable[[int], Read]] = {
    "gaussian": _dequantised,
    "bernoulli": _binarised,
    "categorical": _as_they_are,
}


def _shown(likelihood: str, levels: int) -> show.Show:
    return show.images(levels - 1) if likelihood == "categorical" else show.by_shape()


def _unit(likelihood: str, levels: int) -> int | None:
    """See `Examples.num_levels`."""
    if levels == 1:
        return None
    return {"gaussian": levels, "categorical": 1}.get(likelihood)


def _sigma(stored: Intensities) -> float:
    """Half of the standard deviation that the intensities have, in the mean over pixels."""
    dataset = stored.load()
    some = np.asarray(dataset.train.x[:_SOME], np.float32) / max(stored.levels - 1, 1)
    return float(max(np.sqrt(some.var(axis=0).mean()) / 2, _LEAST_SIGMA))


def _loaded(stored: Intensities, prepare: Prepare | None) -> Data:
    dataset = stored.load()
    _check_levels(dataset, stored.levels)
    data = images(dataset, prepare, conditional=stored.classes is not None)
    return data if stored.streamed is None else data._replace(train=stored.streamed())


def _check_levels(dataset: datasets.Dataset, levels: int) -> None:
    """ValueError where the data are not of these levels: their nats would be of something else."""
    floats = dataset.test.x.dtype.kind == "f"
    highest = max(dataset.train.x.max(), dataset.test.x.max())
    if floats != (levels == 1) or (not floats and highest >= levels):
        raise ValueError(
            f"{dataset.name} holds {dataset.test.x.dtype} up to {highest:g}, and the model is of"
            f" {'floats in [0, 1]' if levels == 1 else f'integers below {levels}'}: convert them,"
            " or train a model of these."
        )
