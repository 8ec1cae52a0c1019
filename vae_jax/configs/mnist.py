"""MNIST: the one-layer networks of Burda et al. 2015, a PixelCNN, and grey levels as classes.

The first two, of images that are binarised anew at every step: 784-200-200-50-200-200-784, tanh,
Glorot uniform (layers that give parameters of distributions: LeCun normal), log standard deviation
linear in the features without a floor, output bias at the logit of the training mean (clipped to
[.001, .999]).
"""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np

from vae_jax import data
from vae_jax.checks import check_within
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities
from vae_jax.configs.preset import preset

_CHOICES = Choices(
    likelihood="bernoulli",
    hidden=(200, 200),
    activation="tanh",
    posterior_floor=None,
    epsilon=1e-4,
)


def mnist_vae(
    *,
    epochs: int = 500,
    batch_size: int = 100,
    latents: int = 50,
    learning_rate: float = 2e-3,
    raw: Path | None = None,
    download: bool = False,
    choices: Choices = _CHOICES,
    seed: int = 0,
) -> Experiment:
    """The VAE of Burda et al. 2015.

    `python -m experiments.train mnist_vae --raw FOLDER` gave, on the 10,000 test images, -ELBO
    90.82 +- 0.24 and -log p(x) 86.91 +- 0.23 (5,000 samples) over images; 21 active units. The
    paper has 86.76 after 3,280 passes in batches of 20: 0.15 less than after 500 in batches of 100.

    Args:
      epochs: Passes over the 60,000 training images (the paper: 3,280).
      batch_size: Images a step (the paper: 20).
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start; it falls to zero along a cosine.
      raw: Folder of the four raw idx files; not needed once they are prepared.
      download: Fetch the files, if they are neither prepared nor in `raw`.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
    """
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    stored = _stored(raw, download)
    return of_intensities(stored, how, choices, _CHOICES, importance_samples=5000)


mnist_iwae = preset(
    "mnist_iwae",
    mnist_vae,
    """The importance-weighted autoencoder of Burda et al. 2015, of 5 draws.

    `python -m experiments.train mnist_iwae --raw FOLDER` gave, on the 10,000 test images, -ELBO
    95.56 +- 0.25 and -log p(x) 88.16 +- 0.23 (5,000 samples) over images; 23 active units. The
    paper has 85.54 after 3,280 passes: 100 passes are not enough.""",
    epochs=100,
    choices=replace(_CHOICES, objective="iwae", draws=5),
)

mnist_iaf = preset(
    "mnist_iaf",
    mnist_vae,
    """A posterior that is a diagonal Gaussian through two inverse autoregressive flows.

    `python -m experiments.train mnist_iaf --raw FOLDER --epochs 111 --importance-samples 500` gave,
    on the 10,000 test images, -ELBO 92.41 +- 0.25 and -log p(x) 88.55 +- 0.23, where `mnist_vae`,
    from which it differs in the posterior alone, has 93.53 and 89.32 by the same command (9 and
    6 minutes of processor time to train, two shared cores, November 2026); ten and nine samples
    count.

    Reference: Kingma et al. 2016, arXiv 1606.04934.""",
    choices=replace(_CHOICES, posterior="iaf"),
)

mnist_flow_prior = preset(
    "mnist_flow_prior",
    mnist_vae,
    """A prior that is N(0, I) through masked autoregressive flows, and residual networks.

    `python -m experiments.train mnist_flow_prior --raw FOLDER --epochs 3 --importance-samples 20`
    gave, on the 10,000 test images, -ELBO 90.98 +- 0.23 and -log p(x) 87.54 +- 0.23 (of 20 samples
    three count: a bound); an epoch takes 5 minutes (two shared cores, November 2026). The paper has
    80.1 with such a prior and convolutions; 100 epochs are for a machine with a GPU.

    Reference: Chen et al. 2017, arXiv 1611.02731 (autoregressive flow priors).""",
    epochs=100,
    latents=32,
    choices=replace(_CHOICES, network="residual", activation="relu", prior="maf"),
)


_PIXELCNN = Choices(
    likelihood="bernoulli",
    hidden=(400,),
    decoder="pixelcnn",
    decoder_layers=2,
    decoder_width=16,
    beta_warmup=600,
    free_bits=8.0,
    free_bits_per="total",
)


def mnist_pixelcnn(
    *,
    epochs: int = 10,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    raw: Path | None = None,
    download: bool = False,
    choices: Choices = _PIXELCNN,
    seed: int = 0,
) -> Experiment:
    """Pixels one after the other, by masked convolutions that are told z.

    A pixel sees 4 rows up and 4 columns to each side, and the rest by z alone. Such a decoder can
    do without z, so 8 nats of the rate are free.

    `python -m experiments.train mnist_pixelcnn --raw FOLDER --epochs 2 --importance-samples 5`
    gave, on the 10,000 test images, -ELBO 108.49 +- 0.24 and -log p(x) 106.49 (two samples count:
    a bound), with a rate of 7.8 nats, of which 3.5 tell of x (28 minutes on two cores of which
    other work took nearly all, November 2026). It was still falling. Without free bits
    (--free-bits 0 --free-bits-per dimension) z was given up: -ELBO 104.3, with a rate of 0.8; and
    by four layers, which see 8 rows, after one epoch 101.9, with a rate of 0.5. By free bits z is
    used, and the bound is no better for it (docs/collapse.md).

    Args:
      epochs: Passes over the 60,000 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start; it falls to zero along a cosine.
      raw: Folder of the four raw idx files; not needed once they are prepared.
      download: Fetch the files, if they are neither prepared nor in `raw`.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
    """
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    return of_intensities(_stored(raw, download), how, choices, _PIXELCNN, importance_samples=20)


_CATEGORICAL = Choices(likelihood="categorical", hidden=(400, 400))


def mnist_categorical(
    *,
    epochs: int = 10,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    levels: int = 16,
    raw: Path | None = None,
    download: bool = False,
    choices: Choices = _CATEGORICAL,
    seed: int = 0,
) -> Experiment:
    """Grey levels as classes: a probability for each of K levels of each pixel, in no order.

    The 256 levels are cut into K, of equal width; the nats are of which of these a pixel is in.

    `python -m experiments.train mnist_categorical --raw FOLDER --epochs 3` gave, on the 10,000 test
    images, -ELBO 375.6 +- 1.0 and -log p(x) 367.7 (10 samples, of which one counts: a bound), 0.677
    bits per dimension, where independent pixels have 0.983 (10 minutes on two cores of which other
    work took nearly all, November 2026). All 32 units are active.

    Args:
      epochs: Passes over the 60,000 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start; it falls to zero along a cosine.
      levels: K, in 2 .. 256.
      raw: Folder of the four raw idx files; not needed once they are prepared.
      download: Fetch the files, if they are neither prepared nor in `raw`.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
    """
    check_within("levels", levels, 2, 256)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    stored = _cut(_stored(raw, download), levels)
    return of_intensities(stored, how, choices, _CATEGORICAL, importance_samples=100)


def _cut(stored: Intensities, levels: int) -> Intensities:
    """The images, of fewer levels."""

    def cut(split: data.Split) -> data.Split:
        return split._replace(x=(split.x.astype(np.int32) * levels // 256).astype(np.uint8))

    @functools.cache
    def load() -> data.Dataset:
        found = stored.load()
        train, test = cut(found.train), cut(found.test)
        return found._replace(train=train, test=test, max_value=levels - 1)

    return stored._replace(load=load, levels=levels)


def _stored(raw: Path | None, download: bool) -> Intensities:
    @functools.cache
    def load() -> data.Dataset:
        return data.load("mnist", raw, download=download)

    return Intensities(load, (28, 28, 1), 256)
