"""Fashion-MNIST as grey levels: convolutions, a Gaussian likelihood, z of numbers or of codes."""

import functools
from dataclasses import replace
from pathlib import Path

from vae_jax import data
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities
from vae_jax.configs.preset import preset

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
    """Convolutions, and N(x | f(z), sigma(z)^2), a sigma for each pixel, on dequantised pixels.

    `python -m experiments.train fashion_conv --raw FOLDER` gave, on the 10,000 test images, -ELBO
    -1802.3 and -log p(x) -1835.4 (20 samples), each +- 6 over images, as a density of pixels in
    (0, 1), which is at most 4.62 bits per dimension of the integers; independent pixels have 7.93,
    a Gaussian with all covariances 6.51. All 32 units are active (November 2026).

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


fashion_vq = preset(
    "fashion_vq",
    fashion_conv,
    """A VQ-VAE: at each of 7x7 positions one of 512 codes, which follow by moving averages.

    `python -m experiments.train fashion_vq --raw FOLDER` gave, on the 10,000 test images, -ELBO
    -1634.2 +- 4.8, of which the rate is 305.7 by a uniform prior: 4.99 bits per dimension. All of
    the codes are in use, at a perplexity of 299. With a fitted prior the rate is 116, and 4.64 bits
    (docs/codes.md); 10 minutes of processor time, two shared cores, November 2026.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937.""",
    epochs=5,
    latents=16,
    choices=replace(_CHOICES, channels=(16, 32), posterior="codes", num_codes=512),
)

fashion_fsq = preset(
    "fashion_fsq",
    fashion_conv,
    """The same with 8 levels of each of 3 channels at each position: 512 codes, without a table.

    `python -m experiments.train fashion_fsq --raw FOLDER` gave, on the 10,000 test images, -ELBO
    -1789.1 +- 4.7, of which the rate is 305.7: 4.71 bits per dimension. Of the codes 96 % are in
    use, at a perplexity of 217; features that are not whitened use 36 %, and give 4.74 bits. With a
    fitted prior the rate is 132, and 4.38 bits (docs/codes.md); 6 minutes of processor time, two
    shared cores, November 2026.

    Reference: Mentzer, Minnen, Agustsson, Tschannen 2023, arXiv 2309.15505.""",
    epochs=5,
    latents=3,
    learning_rate=4e-3,
    choices=replace(
        _CHOICES, channels=(16, 32), posterior="fsq", code_levels=(8, 8, 8), code_whitened=True
    ),
)
