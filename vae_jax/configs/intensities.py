"""Images of integers or of floats in [0, 1], by any likelihood: the body of several configs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.choices.form import DENSITIES, LEVELS
from vae_jax.configs.choices.table import one_of
from vae_jax.configs.experiment import (
    Data,
    Examples,
    Experiment,
    Trained,
    Views,
    images,
    other_images,
)
from vae_jax.configs.first_values import first_values
from vae_jax.data import Prepare
from vae_jax.data.sources import read_example
from vae_jax.networks import centred, one_hot
from vae_jax.types import Array, Event, Key

Preprocess: TypeAlias = Callable[[Event], Event] | None
Read: TypeAlias = tuple[Prepare | None, Preprocess]

_GIVEN = "log p(x) is log p(x|c), given the label, which densities without latents are not told."
_SOME, _SOME_READ = 10_000, 1_000  # training images that first values are made of


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
      streamed: where the training images are read from as they are needed; see `images`.
      ink: whether grey images are drawn as ink on paper, and not as they are.
      others: see `Examples`.
    """

    load: Callable[[], datasets.Dataset]
    shape: tuple[int, ...]
    levels: int
    classes: int | None = None
    streamed: Callable[[], datasets.Source] | None = None
    ink: bool = True
    others: Callable[[Path, str | None], datasets.Split] | None = None


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
    levels = stored.levels
    prepare, preprocess = one_of("likelihood", _READ, choices.likelihood)(levels)
    embed = None if stored.classes is None else one_hot(stored.classes)
    begin = first_values(lambda: _some(stored), levels)
    form = Form(
        stored.shape,
        levels if levels > 1 else None,
        scale="predicted",
        inputs=partial(_inputs, stored, prepare, preprocess),
        **begin._asdict(),
    )
    made = parts(choices, defaults, form, how.latents, embed, preprocess)
    return Experiment(
        Trained(made.model, made.step, how.learning_rate, how.batch_size, how.epochs, how.seed),
        Examples(
            lambda: _loaded(stored, prepare),
            prepare,
            num_levels=_unit(choices.likelihood, levels),
            others=stored.others or partial(other_images, levels=levels),
        ),
        Views(
            made.rate,
            made.draws or importance_samples,
            made.score,
            show=_shown(choices.likelihood, stored),
        ),
    )


def _some(stored: Intensities) -> np.ndarray:
    """Training images as they are stored, not all of many: fewer where each is read by itself."""
    if stored.streamed is None:
        x = stored.load().train.x
        return x[:: -(-len(x) // _SOME)]  # of all classes, where they are sorted
    source = stored.streamed()
    places = np.linspace(0, len(source) - 1, min(_SOME_READ, len(source))).astype(int)
    return np.stack([read_example(source, int(place))["x"] for place in places])


def _inputs(
    stored: Intensities, prepare: Prepare | None, read: Preprocess, key: Key, number: int
) -> Array:
    """See `Form.inputs`."""
    pick_key, own_key = jax.random.split(key)
    x = jnp.asarray(_some(stored))
    if number > len(x):
        raise ValueError(
            f"{number:,} images are asked for, and they are chosen among {len(x):,} of those to"
            " train on: choose fewer, by pseudo_inputs, num_exemplars or metric_examples."
        )
    x = x[jax.random.choice(pick_key, len(x), (number,), replace=False)]
    if prepare is not None:
        keys = jax.random.split(own_key, number)
        x = jax.vmap(lambda key, x: prepare(key, {"x": x})["x"])(keys, x)
    return (x if read is None else jax.vmap(read)(x)).astype(float)


def _dequantised(levels: int) -> Read:
    return (datasets.scale(1) if levels == 1 else datasets.dequantise(levels - 1)), None


def _binarised(levels: int) -> Read:
    return datasets.binarise(max(levels - 1, 1)), None


def _as_they_are(levels: int) -> Read:
    middle = max(levels - 1, 1) / 2
    return None, centred(middle, middle)


_READ: dict[str, Callable[[int], Read]] = {
    **dict.fromkeys(DENSITIES, _dequantised),
    "bernoulli": _binarised,
    **dict.fromkeys(LEVELS, _as_they_are),
}


def _shown(likelihood: str, stored: Intensities) -> show.Show:
    highest = stored.levels - 1 if likelihood in LEVELS else 1
    return show.images(highest, stored.ink)


def _unit(likelihood: str, levels: int) -> int | None:
    """See `Examples.num_levels`."""
    if levels == 1:
        return None
    return {**dict.fromkeys(DENSITIES, levels), **dict.fromkeys(LEVELS, 1)}.get(likelihood)


def _loaded(stored: Intensities, prepare: Prepare | None) -> Data:
    dataset = stored.load()
    _check_levels(dataset, stored.levels)
    data = images(dataset, prepare, conditional=stored.classes is not None)
    if stored.classes is not None:
        data = data._replace(notes=(*data.notes, _GIVEN))
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
