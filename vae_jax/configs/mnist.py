"""MNIST, binarised anew at every step: the one-layer networks of Burda et al. 2015.

784-200-200-50-200-200-784, tanh, Glorot uniform (layers that give parameters of distributions:
LeCun normal), log standard deviation linear in the features without a floor, output bias at the
logit of the training mean (clipped to [.001, .999]).
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from vae_jax import data
from vae_jax.bounds import iwae_bound
from vae_jax.configs.experiment import Examples, Experiment, Trained, Views, images
from vae_jax.distributions import standard_gaussian
from vae_jax.models import VAE, vae
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, PredictedScale
from vae_jax.objectives import Objective, importance_weighted, weighted_sum
from vae_jax.train import descend
from vae_jax.types import Array, Key


def mnist_vae(
    *,
    k: int = 1,
    epochs: int = 500,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
    raw: Path | None = None,
    download: bool = False,
    seed: int = 0,
) -> Experiment:
    """The VAE of Burda et al. 2015: the evidence lower bound, averaged over k draws.

    `python -m experiments.train mnist_vae --raw FOLDER` gave, on the 10,000 test images, -ELBO
    90.82 +- 0.24 and -log p(x) 86.91 +- 0.23 (5,000 samples) over images; 21 active units. The
    paper has 86.76 after 3,280 passes in batches of 20: 0.15 less than after 500 in batches of 100.

    Args:
      k: Draws of z for each image and step.
      epochs: Passes over the 60,000 training images (the paper: 3,280).
      batch_size: Images a step (the paper: 20).
      learning_rate: Of Adam at the start; it falls to zero along a cosine.
      raw: Folder of the four raw idx files; not needed once they are prepared.
      download: Fetch the files, if they are neither prepared nor in `raw`.
      seed: Of everything that is drawn.
    """
    model, load = _burda(raw, download)
    objective = weighted_sum(model, num_samples=k)
    return _experiment(model, objective, load, epochs, batch_size, learning_rate, seed)


def mnist_iwae(
    *,
    k: int = 5,
    score_free: bool = False,
    epochs: int = 100,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
    raw: Path | None = None,
    download: bool = False,
    seed: int = 0,
) -> Experiment:
    """The importance-weighted autoencoder of Burda et al. 2015, of k draws.

    `python -m experiments.train mnist_iwae --raw FOLDER` gave, on the 10,000 test images, -ELBO
    95.56 +- 0.25 and -log p(x) 88.16 +- 0.23 (5,000 samples) over images; 23 active units. The
    paper has 85.54 after 3,280 passes: 100 passes are not enough.

    Args:
      k: Draws of z for each image and step.
      score_free: Use the doubly reparameterized gradient (Tucker et al. 2019) for the encoder.
      epochs: Passes over the 60,000 training images (the paper: 3,280).
      batch_size: Images a step (the paper: 20).
      learning_rate: Of Adam at the start; it falls to zero along a cosine.
      raw: Folder of the four raw idx files; not needed once they are prepared.
      download: Fetch the files, if they are neither prepared nor in `raw`.
      seed: Of everything that is drawn.
    """
    model, load = _burda(raw, download)
    objective = importance_weighted(model, iwae_bound(), num_draws=k, score_free=score_free)
    return _experiment(model, objective, load, epochs, batch_size, learning_rate, seed)


def _burda(raw: Path | None, download: bool) -> tuple[VAE, Callable[[], data.Dataset]]:
    """The networks of the paper, and what reads the data, once."""

    @functools.cache
    def load() -> data.Dataset:
        return data.load("mnist", raw, download=download)

    def logit_of_mean() -> np.ndarray:
        images = load()
        frequency = np.clip(images.train.x.mean(axis=0).ravel() / images.max_value, 0.001, 0.999)
        return (np.log(frequency) - np.log1p(-frequency)).astype(np.float32)

    def bias_init(key: Key, shape: tuple[int, ...], dtype: Any) -> Array:
        # called back, so that data are read when parameters are made, and not for their shapes:
        # flax asks for those wherever parameters are used
        return jax.pure_callback(logit_of_mean, jax.ShapeDtypeStruct(shape, jnp.float32))

    body = MLP((200, 200), activation=nn.tanh)
    encoder = Network(body, GaussianHead((50,), PredictedScale(floor=None)))
    decoder = Network(body, BernoulliHead((28, 28, 1), bias_init))
    return vae(encoder, decoder, standard_gaussian(50)), load


def _experiment(
    model: VAE,
    objective: Objective,
    load: Callable[[], data.Dataset],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> Experiment:
    prepare = data.binarise(255)
    adam = functools.partial(optax.adam, eps=1e-4)
    return Experiment(
        Trained(
            model=model,
            step=lambda optimize: descend(objective, optimize(adam)),
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            seed=seed,
        ),
        Examples(lambda: images(load(), prepare), prepare),
        Views(importance_samples=5000),
    )
