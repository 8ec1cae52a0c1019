"""Anybody's images: a convolutional VAE of a folder, a file or a prepared data set."""

import functools
from pathlib import Path
from typing import Literal

import jax
import optax

from vae_jax import data as datasets
from vae_jax.checks import check_count
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained
from vae_jax.configs.experiment import images as in_memory
from vae_jax.distributions import standard_gaussian
from vae_jax.models import vae
from vae_jax.networks import (
    BernoulliHead,
    ConvDecoder,
    ConvEncoder,
    GaussianHead,
    LearnedScale,
    Network,
    resized,
)
from vae_jax.objectives import weighted_sum
from vae_jax.train import descend


def images(
    *,
    data: str,
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian",
    stream: bool = False,
    epochs: int = 20,
    batch_size: int = 100,
    latents: int = 32,
    channels: tuple[int, ...] = (32, 64),
    learning_rate: float = 1e-3,
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    levels: int | None = None,
) -> Experiment:
    """Convolutions, on images of your own.

    Args:
      data: A folder of PNG or JPEG images, an .npy or .npz of arrays, or the name of a set that
        tensorflow-datasets has prepared.
      likelihood: gaussian: N(x | f(z), sigma^2) with one learned sigma, on dequantised integers or
        on floats in [0, 1]; bernoulli: each intensity is the probability of a 1.
      stream: Read training images from the disk as they are needed: for a folder with train/ and
        test/ that is larger than memory. Needs `pip install "vae_jax[stream]"`.
      epochs: Passes over the training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      channels: Of the encoder's stages, each of which halves the image; the decoder mirrors them.
      learning_rate: Of Adam at the start.
      seed: Of everything that is drawn.
      shape: Height, width and channels; by default read from the data.
      levels: Of an intensity: 256 for bytes, 2 for arrays of 0 and 1, 1 for floats in [0, 1]; by
        default read from the data.
    """
    check_count("latents", latents)

    @functools.cache
    def load() -> datasets.Dataset:
        return _test_only(data) if stream else datasets.read(data)

    shape = shape or load().test.x.shape[1:]
    if len(shape) != 3:
        raise ValueError(f"{data} has examples of shape {list(shape)}: images are [H, W, C].")
    levels = levels or load().levels
    prepare = _prepare(likelihood, levels)
    head = (
        BernoulliHead(shape) if likelihood == "bernoulli" else GaussianHead(shape, LearnedScale())
    )
    encoder = Network(ConvEncoder(channels), GaussianHead((latents,)))
    body = ConvDecoder(shape[:2], channels[::-1], up=resized, kernel_size=3)
    model = vae(encoder, Network(body, head), standard_gaussian(latents))
    return Experiment(
        Trained(
            model=model,
            step=lambda optimize: descend(weighted_sum(model), optimize(optax.adam)),
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            seed=seed,
            scan=jax.default_backend() != "cpu",  # for `resized`
        ),
        Examples(
            load=lambda: _prepared(data, load(), levels, prepare, stream),
            prepare=prepare,
            num_levels=levels if likelihood == "gaussian" and levels > 1 else None,
            found={"shape": tuple(shape), "levels": levels},
        ),
    )


def _prepare(likelihood: str, levels: int) -> datasets.Prepare:
    if likelihood == "bernoulli":
        return datasets.binarise(max(levels - 1, 1))
    return datasets.scale(1) if levels == 1 else datasets.dequantise(levels - 1)


def _test_only(folder: str) -> datasets.Dataset:
    """The test images of a folder; those to train on stay where they are."""
    place = Path(folder).expanduser()
    if not all((place / split).is_dir() for split in ("train", "test")):
        raise ValueError(f"{folder} needs the subfolders train and test for its images to stream.")
    test = datasets.read_images(place / "test")
    return datasets.Dataset(Path(folder).name, test, None, test, 255)


def _check_levels(name: str, dataset: datasets.Dataset, levels: int) -> None:
    """ValueError where the data are not of these levels: their nats would be of something else."""
    floats = dataset.test.x.dtype.kind == "f"
    highest = max(dataset.train.x.max(), dataset.test.x.max())
    if floats != (levels == 1) or (not floats and highest >= levels):
        raise ValueError(
            f"{name} holds {dataset.test.x.dtype} up to {highest:g}, and the model is of"
            f" {'floats in [0, 1]' if levels == 1 else f'integers below {levels}'}: convert them,"
            " or train a model of these."
        )


def _prepared(
    where: str, dataset: datasets.Dataset, levels: int, prepare: datasets.Prepare, stream: bool
) -> Data:
    _check_levels(where, dataset, levels)
    data = in_memory(dataset, prepare)
    if not stream:
        return data
    return data._replace(train=datasets.open_images(Path(where).expanduser() / "train"))
