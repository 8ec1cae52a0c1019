"""Anybody's images: a VAE of a folder, a file or a prepared data set."""

import functools
import math
from dataclasses import replace
from pathlib import Path

from vae_jax import data as datasets
from vae_jax.configs.choices import Choices
from vae_jax.configs.choices.form import DENSITIES
from vae_jax.configs.experiment import Experiment, other_images
from vae_jax.configs.intensities import Fit, Intensities, of_intensities
from vae_jax.configs.lengths import default_steps, epochs_of
from vae_jax.configs.preset import preset

_CHOICES = Choices(network="conv")
_RISE = 200  # steps: docs/defaults.md


def images(
    *,
    data: str,
    key: str | None = None,
    stream: bool = False,
    epochs: int | None = None,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    choices: Choices = _CHOICES,
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    layout: str | None = None,
    levels: int | None = None,
    signed: bool | None = None,
) -> Experiment:
    """Images of your own.

    Args:
      data: A folder of PNG or JPEG images, an .npy or .npz of arrays, or the name of a set that
        tensorflow-datasets has prepared.
      key: What the examples of an .npz are called; by default x, images, data, x_train with x_test,
        or the only array there is.
      stream: Read training images from the disk as they are needed: for a folder with train/ and
        test/ that is larger than memory. Needs the extra `stream`.
      epochs: Passes over the training images; by default those of 4,000 steps, by convolutions of
        more than 500 pixels of fewer, to 1,000; at most 250.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
      shape: Height, width and channels; by default read from the data.
      layout: Of an array: NHWC or NCHW; by default NHWC where the channels are fewest.
      levels: Of an intensity: 256 for bytes, 2 for arrays of 0 and 1, at most 65536, 1 for floats;
        by default read from the data.
      signed: Whether floats lie in [-1, 1]; they are brought to [0, 1]. By default where one is
        below -0.5.
    """
    if not data:
        raise ValueError("data is empty: name a folder, a file, or a prepared set.")

    @functools.cache
    def load() -> datasets.Dataset:
        if stream:
            return _test_only(data)
        return datasets.read(data, key=key, layout=layout, levels=levels, signed=signed)

    if shape is None or levels is None:
        found = load()
        shape, levels = _shape(data, found), found.levels
        layout, signed = found.layout, found.signed
    size, form = tuple(shape), {"layout": layout, "levels": levels, "signed": signed}
    train = Path(data).expanduser() / "train"
    in_stream = len(datasets.open_images(train)) if stream else None
    stored = Intensities(
        load=lambda: _told(load(), size, choices.likelihood in DENSITIES, in_stream),
        shape=size,
        levels=levels,
        streamed=(lambda: datasets.open_images(train)) if stream else None,
        ink=False,
        others=functools.partial(other_images, layout=layout, levels=levels, signed=signed),
    )
    if epochs is None:
        steps = default_steps(choices.network, size)
        epochs = epochs_of(in_stream or len(load().train.x), batch_size, steps)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    experiment = of_intensities(stored, how, _risen(choices), _CHOICES)
    examples = experiment.examples._replace(found={"epochs": epochs, "shape": size, **form})
    return experiment._replace(examples=examples)


cifar10_rvq = preset(
    "cifar10_rvq",
    images,
    """Residual codes of CIFAR-10: at each of 8x8 positions sums of 1 to 4 codes, of 256 each.

    `python -m experiments.train cifar10_rvq --data cifar10.npz`, of arrays train_images [N, 32, 32,
    3] and test_images. Half of the examples in training draw their depth evenly from 1 to 4, so
    that one model is one of each depth (`models.at_depth`).

    Of 5,000 of its images, stopped after 3 of 20 epochs and gone on with by `--resume RUN --epochs
    7`, 350 steps, it gave on 1,000 others -ELBO 2,358 +- 24, of which 1,420 is the rate by a
    uniform prior: 6.89 bits per dimension, where independent pixels have 8.02. 99 % of the codes
    are in use, at a perplexity of 230 of 256 (November 2026). It was falling.

    Reference: Zeghidour et al. 2021, arXiv 2107.03312.""",
    latents=16,
    choices=replace(
        _CHOICES,
        posterior="residual_codes",
        num_codes=256,
        code_depth=4,
        code_dropout=0.5,
    ),
)


cifar10 = preset(
    "cifar10",
    images,
    """Images of red, green and blue by a residual network, their levels a mixture of logistics.

    `python -m experiments.train cifar10`, of the set that tensorflow-datasets has prepared as
    array_record, or with `--data FILE`, for which an .npz with the arrays train_images [N, 32, 32,
    3] and test_images, of bytes, is enough.

    Of 5,000 of its images `--data FILE --epochs 4 --batch-size 25 --importance-samples 10`, 800
    steps, gave on 1,000 others -ELBO 13,849 +- 36, 6.48 bits per dimension (one sample counts: a
    bound), where independent pixels have 7.91 (8 minutes of processor time, two shared cores,
    November 2026). It was falling; all images and the epochs of the default want a GPU.

    Reference: of the likelihood Salimans et al. 2017, arXiv 1701.05517 (PixelCNN++), here given z
    alone and not the pixels before.""",
    data="cifar10",
    latents=128,
    choices=replace(
        _CHOICES,
        network="residual",
        channels=(32, 64, 128),
        norm="group",
        likelihood="logistic_mixture",
        logistics=5,
    ),
)


def _shape(data: str, dataset: datasets.Dataset) -> tuple[int, int, int]:
    shape = dataset.test.x.shape[1:]
    if len(shape) != 3:
        raise ValueError(
            f"{data} has examples of shape {list(shape)}: images are [H, W, C]. The config vectors"
            " is for [D]."
        )
    return shape


def _risen(choices: Choices) -> Choices:
    """Of binary images the rate comes in slowly, where nobody says otherwise and there is a weight
    of it: else z may be given up before the decoder has learned to read it."""
    weighted = (choices.objective, choices.gradient) == ("elbo", "plain")
    if choices.beta_warmup is not None or not weighted or choices.posterior == "point":
        return choices
    return replace(choices, beta_warmup=_RISE) if choices.likelihood == "bernoulli" else choices


def _told(
    dataset: datasets.Dataset, shape: tuple[int, ...], is_density: bool, in_stream: int | None
) -> datasets.Dataset:
    """The data, with a note on how many there are; of floats in [-1, 1] with one on what that says
    of the nats of a density."""
    train, test = in_stream or len(dataset.train.x), len(dataset.test.x)
    height, width, channels = shape
    form = f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
    count = f"{dataset.name}: images of {form}, {train:,} to train on and {test:,} to test."
    notes = [*dataset.notes, count]
    if dataset.signed and is_density:
        constant = math.prod(shape) * math.log(2)
        notes.append(f"The nats are of [0, 1]; of [-1, 1], log p(x) is lower by {constant:.1f}.")
    return dataset._replace(notes=tuple(notes))


def _test_only(folder: str) -> datasets.Dataset:
    """The test images of a folder; those to train on stay where they are."""
    place = Path(folder).expanduser()
    if not all((place / split).is_dir() for split in ("train", "test")):
        raise ValueError(f"{folder} needs the subfolders train and test for its images to stream.")
    test = datasets.read_images(place / "test")
    notes = [note for split in ("train", "test") for note in datasets.left_out(place / split)]
    return datasets.Dataset(place.name, test, None, test, 255, notes=tuple(notes))
