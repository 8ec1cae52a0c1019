"""Fashion-MNIST as grey levels: a convolutional VAE with a Gaussian likelihood."""

import functools
from pathlib import Path

from vae_jax import data
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities

_CHOICES = Choices(network="conv")


def fashion_conv(
    *,
    epochs: int = 4,
    batch_size: int = 100,
    latents: int = 32,
    learning_rate: float = 1e-3,
    raw: Path | None = None,
    download: bool = False,
    choices: Choices = _CHOICES,
    seed: int = 0,
) -> Experiment:
    """Convolutions, and N(x | f(z), sigma^2), a sigma for each pixel, on dequantised pixels.

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

    @functools.cache
    def load() -> data.Dataset:
        return data.load("fashion_mnist", raw, download=download)

    stored = Intensities(load, (28, 28, 1), 256)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    return of_intensities(stored, how, choices, _CHOICES, importance_samples=20)
