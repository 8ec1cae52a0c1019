"""Anybody's images: a VAE of a folder, a file or a prepared data set."""

import functools
from pathlib import Path

from vae_jax import data as datasets
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities

_CHOICES = Choices(network="conv")


def images(
    *,
    data: str,
    stream: bool = False,
    epochs: int = 20,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    choices: Choices = _CHOICES,
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    levels: int | None = None,
) -> Experiment:
    """Images of your own.

    Args:
      data: A folder of PNG or JPEG images, an .npy or .npz of arrays, or the name of a set that
        tensorflow-datasets has prepared.
      stream: Read training images from the disk as they are needed: for a folder with train/ and
        test/ that is larger than memory. Needs `pip install "vae_jax[stream]"`.
      epochs: Passes over the training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
      shape: Height, width and channels; by default read from the data.
      levels: Of an intensity: 256 for bytes, 2 for arrays of 0 and 1, 1 for floats in [0, 1]; by
        default read from the data.
    """

    @functools.cache
    def load() -> datasets.Dataset:
        return _test_only(data) if stream else datasets.read(data)

    shape = shape or load().test.x.shape[1:]
    if len(shape) != 3:
        raise ValueError(f"{data} has examples of shape {list(shape)}: images are [H, W, C].")
    levels = levels or load().levels
    streamed = (lambda: datasets.open_images(_folder(data) / "train")) if stream else None
    stored = Intensities(load, tuple(shape), levels, streamed=streamed)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    experiment = of_intensities(stored, how, choices, _CHOICES)
    found = {**(experiment.examples.found or {}), "shape": tuple(shape), "levels": levels}
    return experiment._replace(examples=experiment.examples._replace(found=found))


def _folder(data: str) -> Path:
    return Path(data).expanduser()


def _test_only(folder: str) -> datasets.Dataset:
    """The test images of a folder; those to train on stay where they are."""
    place = _folder(folder)
    if not all((place / split).is_dir() for split in ("train", "test")):
        raise ValueError(f"{folder} needs the subfolders train and test for its images to stream.")
    test = datasets.read_images(place / "test")
    return datasets.Dataset(Path(folder).name, test, None, test, 255)
