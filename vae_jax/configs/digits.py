"""The 1,797 handwritten digits, 8x8, that scikit-learn ships: nothing to download."""

import optax

from vae_jax import data
from vae_jax.checks import check_count
from vae_jax.configs.experiment import Examples, Experiment, Trained, Views, images
from vae_jax.distributions import standard_gaussian
from vae_jax.models import vae
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot
from vae_jax.objectives import weighted_sum
from vae_jax.train import descend

_MAX_VALUE = 16


def digits(
    *,
    epochs: int = 600,
    batch_size: int = 50,
    latents: int = 8,
    hidden: int = 256,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> Experiment:
    """A small VAE on real handwritten digits.

    `python -m experiments.train digits` takes 40 s on two CPU cores and gives, on the 360
    held-out images, -ELBO 22.85 and -log p(x) 22.19 (5,000 samples), each +- 0.2 over images; 7 of
    8 units are active (November 2026).

    Args:
      epochs: Passes over the 1,437 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      hidden: Units of each of the two hidden layers of encoder and decoder.
      learning_rate: Of Adam at the start; it falls to zero along a cosine.
      seed: Of everything that is drawn.
    """
    return _digits(False, epochs, batch_size, latents, hidden, learning_rate, seed)


def digits_conditional(
    *,
    epochs: int = 600,
    batch_size: int = 50,
    latents: int = 8,
    hidden: int = 256,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> Experiment:
    """The same with encoder and decoder told the label: p(x|z,c), sampled class by class.

    `python -m experiments.train digits_conditional` takes 40 s on two CPU cores and gives,
    on the 360 held-out images, -ELBO 19.87 and -log p(x|c) 19.60 (5,000 samples), each +- 0.2 over
    images; 5 of 8 units are active (November 2026).

    Reference: Sohn, Lee, Yan 2015, Learning structured output representation using deep
    conditional generative models; here with the prior N(0, I) whatever the label.

    Args:
      epochs: Passes over the 1,437 training images.
      batch_size: Images a step.
      latents: Dimensions of z.
      hidden: Units of each of the two hidden layers of encoder and decoder.
      learning_rate: Of Adam at the start; it falls to zero along a cosine.
      seed: Of everything that is drawn.
    """
    return _digits(True, epochs, batch_size, latents, hidden, learning_rate, seed)


def _digits(
    conditional: bool,
    epochs: int,
    batch_size: int,
    latents: int,
    hidden: int,
    learning_rate: float,
    seed: int,
) -> Experiment:
    check_count("latents", latents)
    check_count("hidden", hidden)
    prepare = data.binarise(_MAX_VALUE)
    embed = one_hot(10) if conditional else None
    body = MLP((hidden, hidden))
    encoder = Network(body, GaussianHead((latents,)), embed)
    decoder = Network(body, BernoulliHead((8, 8, 1)), embed)
    model = vae(encoder, decoder, standard_gaussian(latents))
    return Experiment(
        Trained(
            model=model,
            step=lambda optimize: descend(weighted_sum(model), optimize(optax.adam)),
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            seed=seed,
        ),
        Examples(lambda: images(data.load("digits"), prepare, conditional), prepare),
        Views(importance_samples=5000),
    )
