"""Anybody's text: a VAE of short windows of characters."""

import functools
from pathlib import Path

import numpy as np
import optax

from vae_jax import data as datasets
from vae_jax import show
from vae_jax.checks import check_count
from vae_jax.configs.experiment import Data, Examples, Experiment, Trained, Views
from vae_jax.distributions import standard_gaussian
from vae_jax.models import vae
from vae_jax.networks import MLP, CategoricalHead, GaussianHead, Network, one_hot
from vae_jax.objectives import weighted_sum
from vae_jax.train import descend
from vae_jax.types import Array


def text(
    *,
    data: Path,
    length: int = 32,
    epochs: int = 20,
    batch_size: int = 100,
    latents: int = 32,
    hidden: int = 512,
    learning_rate: float = 1e-3,
    seed: int = 0,
    vocabulary: str | None = None,
) -> Experiment:
    """Windows of a text file; given z, each character is drawn by itself: p(x|z) = prod_t p(x_t|z).

    Args:
      data: A text file in UTF-8; a tenth of its windows is held out.
      length: Characters of a window.
      epochs: Passes over the training windows.
      batch_size: Windows a step.
      latents: Dimensions of z.
      hidden: Units of each of the two hidden layers of encoder and decoder.
      learning_rate: Of Adam at the start.
      seed: Of everything that is drawn.
      vocabulary: The characters there are; by default read from the file.
    """
    check_count("latents", latents)
    check_count("length", length)
    read = functools.cache(functools.partial(datasets.read_text, data, length))
    characters = vocabulary or read()[1]
    K = len(characters)

    def load() -> Data:
        windows, found = read()
        if found != characters:
            raise ValueError(f"{data} is not made of the {K} characters of the vocabulary.")
        train, test = datasets.hold_out(windows)
        return Data({"x": train.x}, {"x": test.x}, None)

    def spell(x: Array) -> str:
        return "".join(characters[i] for i in np.asarray(x))

    body = MLP((hidden, hidden))
    encoder = Network(body, GaussianHead((latents,)), preprocess=one_hot(K))
    decoder = Network(body, CategoricalHead((length,), K))
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
        Examples(load, found={"vocabulary": characters}),
        Views(show=show.text(spell)),
    )
