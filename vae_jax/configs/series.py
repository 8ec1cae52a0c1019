"""Anybody's series: a VAE of numbers at several times."""

import functools
from pathlib import Path

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained, Views
from vae_jax.configs.lengths import epochs_of
from vae_jax.configs.standardised import LOG_SCALE, told
from vae_jax.data import Series, Split, Standardise

_CHOICES = Choices(hidden=(256, 256))


def series(
    *,
    data: Path,
    key: str | None = None,
    epochs: int | None = None,
    batch_size: int = 100,
    latents: int = 8,
    learning_rate: float = 1e-3,
    choices: Choices = _CHOICES,
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    means: tuple[float, ...] | None = None,
    scales: tuple[float, ...] | None = None,
) -> Experiment:
    """Series of your own: one or more channels at each of several times.

    Each channel is standardised by the training series, and nats are of those; samples and pictures
    are in the units of the file. Given z, each time is drawn by itself.

    Args:
      data: An .npy or .npz of numbers [N, T, C]; a tenth of the series is held out.
      key: What the array of an .npz is called; by default x, data, x_train with x_test, or the only
        one there is.
      epochs: Passes over the training series; by default those of 4,000 steps, at most 250.
      batch_size: Series a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      choices: Networks, objective and more.
      seed: Of everything that is drawn.
      shape: Times and channels; by default read from the data.
      means: Of the channels; by default read from the data.
      scales: Their standard deviations; by default read from the data.
    """
    check_count("latents", latents)
    read = functools.cache(lambda: datasets.read_series(data, key=key))
    if shape is None or means is None or scales is None:
        shape, units = _found(read())
    else:
        units = Standardise(means, scales)
    if epochs is None:
        epochs = epochs_of(len(read().divide()[0].x), batch_size)
    form = Form(shape, likelihoods=("gaussian", "full_gaussian", "laplace"), log_scale=LOG_SCALE)
    made = parts(choices, _CHOICES, form, latents)
    return Experiment(
        Trained(made.model, made.step, learning_rate, batch_size, epochs, seed),
        Examples(
            lambda: _load(read(), shape, units),
            found={"epochs": epochs, "shape": shape, "means": units.mean, "scales": units.scale},
            others=lambda path, key: _apply(
                datasets.read_series(path, key=key).every, shape, units, str(path)
            ),
        ),
        Views(
            made.rate,
            made.draws or 100,
            made.score,
            show=show.series(units.undo),
            restore=units.undo,
        ),
    )


def _found(found: Series) -> tuple[tuple[int, int], Standardise]:
    train, _ = found.divide()
    _, T, C = train.x.shape
    return (T, C), datasets.standardise(train.x, tuple(f"channel {c}" for c in range(C)))


def _load(found: Series, shape: tuple[int, int], units: Standardise) -> Data:
    train, test = (_apply(split, shape, units, found.name) for split in found.divide())
    T, C = shape
    note = f"{found.name}: {len(found.every.x):,} series of {C} channels at {T} times."
    return Data({"x": train.x}, {"x": test.x}, test.label, (note, *told(units, shape)))


def _apply(split: Split, shape: tuple[int, int], units: Standardise, what: str) -> Split:
    if split.x.shape[1:] != tuple(shape):
        raise ValueError(
            f"{what} has series [T, C] of {list(split.x.shape[1:])}, and the model is of"
            f" {list(shape)}."
        )
    return split._replace(x=units.apply(split.x))
