"""MNIST in the fixed binarisation that Larochelle published, with priors made of posteriors.

The networks are those of Tomczak and Welling 2017: two gated layers of 300 units, 40 latents.
"""

import functools
from dataclasses import replace
from pathlib import Path

from vae_jax import data
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities
from vae_jax.configs.preset import preset

_CHOICES = Choices(
    likelihood="bernoulli",
    network="gated",
    hidden=(300, 300),
    posterior_floor=None,
    prior="vamp",
)


def mnist_vamp(
    *,
    epochs: int = 500,
    batch_size: int = 100,
    latents: int = 40,
    learning_rate: float = 5e-4,
    raw: Path | None = None,
    choices: Choices = _CHOICES,
    seed: int = 0,
) -> Experiment:
    """A VampPrior of 500 pseudo-inputs, which begin at training images.

    `python -m experiments.train mnist_vamp --raw FOLDER --epochs 30`, stopped after 12 epochs and
    gone on with by `--resume RUN --epochs 14`, gave on the 10,000 test images -ELBO 95.26 +- 0.28
    and -log p(x) 91.59 +- 0.26; with --prior standard the 30 epochs gave 96.91 +- 0.26 and 93.21
    (200 samples each, of which seven count: bounds). After 12 of the 30 they had -ELBO 96.93 and
    99.78. An epoch takes 20 and 4 seconds of processor time (two shared cores, November 2026).

    The paper has -log p(x) 85.57, and 88.56 with the normal prior, of 5,000 samples, after up to
    2,000 epochs in which the weight of the rate rises for 100, which it does not here.

    Args:
      epochs: Passes over the 50,000 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start; it falls to zero along a cosine.
      raw: Folder of binarized_mnist_packbits.npz.
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
    """

    @functools.cache
    def load() -> data.Dataset:
        return data.load("static_mnist", raw)

    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    stored = Intensities(load, (28, 28, 1), 2)
    return of_intensities(stored, how, choices, _CHOICES, importance_samples=5000)


mnist_vamp_iaf_miwae = preset(
    "mnist_vamp_iaf_miwae",
    mnist_vamp,
    """The same with posteriors that are flows, of which the prior is made too, by MIWAE.

    The prior's density at z is found by inverting a flow for each pseudo-input: 160,000 a step, of
    which 2,000 and their gradient take 0.4 s of two shared cores, so it is for a machine with a
    GPU. `python -m experiments.train mnist_vamp_iaf_miwae --raw FOLDER --pseudo-inputs 20 --draws 2
    --groups 2 --epochs 4`, ended after 2 epochs of half an hour and less, gave on the 10,000 test
    images -ELBO 111.80 +- 0.34 and -log p(x) 108.53 +- 0.34 (10 samples, of which two count: a
    bound; November 2026). The bound was still rising fast.

    References: Tomczak, Welling 2017, arXiv 1705.07120; Kingma et al. 2016, arXiv 1606.04934;
    Rainforth et al. 2018, arXiv 1802.04537.""",
    choices=replace(
        _CHOICES, posterior="iaf", pseudo_inputs=100, objective="miwae", draws=4, groups=4
    ),
)
