"""The 1,797 handwritten digits, 8x8, that scikit-learn ships: nothing to download."""

from vae_jax import data
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import Experiment
from vae_jax.configs.intensities import Fit, Intensities, of_intensities
from vae_jax.configs.preset import preset

_CHOICES = Choices(likelihood="bernoulli", hidden=(256, 256))


def digits(
    *,
    epochs: int = 600,
    batch_size: int = 50,
    latents: int = 8,
    learning_rate: float = 2e-3,
    conditional: bool = False,
    choices: Choices = _CHOICES,
    seed: int = 0,
) -> Experiment:
    """A small VAE on real handwritten digits.

    `python -m experiments.train digits` takes 50 s on two CPU cores and gives, on the 360
    held-out images, -ELBO 22.89 and -log p(x) 22.29 (5,000 samples), each +- 0.2 over images; 5 of
    8 units are active (November 2026).

    Args:
      epochs: Passes over the 1,437 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      learning_rate: Of the optimizer at the start; it falls to zero along a cosine.
      conditional: Encoder and decoder are told the label: p(x|z,c).
      choices: Likelihood, networks, objective and more.
      seed: Of everything that is drawn.
    """
    stored = Intensities(lambda: data.load("digits"), (8, 8, 1), 17, 10 if conditional else None)
    how = Fit(epochs, batch_size, latents, learning_rate, seed)
    return of_intensities(stored, how, choices, _CHOICES, importance_samples=5000)


digits_conditional = preset(
    "digits_conditional",
    digits,
    """The same with encoder and decoder told the label: p(x|z,c), sampled class by class.

    `python -m experiments.train digits_conditional` takes 50 s on two CPU cores and gives,
    on the 360 held-out images, -ELBO 19.88 and -log p(x|c) 19.65 (5,000 samples), each +- 0.2 over
    images; 4 of 8 units are active (November 2026).

    Reference: Sohn, Lee, Yan 2015, Learning structured output representation using deep
    conditional generative models; here with the prior N(0, I) whatever the label.""",
    conditional=True,
)
