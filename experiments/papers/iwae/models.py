"""The networks of Burda et al. 2015.

Dense layers of tanh, Glorot uniform; means, logits and log standard deviations linear in the
features, LeCun normal, without a floor; the output's bias at the logit of the training images'
mean, clipped to [.001, .999].
"""

import numpy as np
from flax import linen as nn

from vae_jax import data
from vae_jax.distributions import standard_gaussian
from vae_jax.models import VAE, vae
from vae_jax.models.hierarchies import chain
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, PredictedScale


def make_model(layers: int, images: data.Dataset) -> VAE:
    """The model of 1 or 2 stochastic layers, whose output begins at the mean of the images.

    One layer: 784-200-200-50-200-200-784. Two: z_1 of 100 by 200, 200 and z_2 of 50 by 100, 100.
    """
    if layers == 1:
        return vae(_gaussian(200, 50), _pixels(images), standard_gaussian(50))
    encoders = [_gaussian(200, 100), _gaussian(100, 50)]
    return chain(encoders, [_pixels(images), _gaussian(100, 100)], standard_gaussian(50))


def _gaussian(width: int, size: int) -> Network:
    return Network(_body(width), GaussianHead((size,), PredictedScale(floor=None)))


def _pixels(images: data.Dataset) -> Network:
    bias_init = nn.initializers.constant(_logit_of_mean(images))
    return Network(_body(200), BernoulliHead((28, 28, 1), bias_init))


def _body(width: int) -> MLP:
    return MLP((width, width), activation=nn.tanh)


def _logit_of_mean(images: data.Dataset) -> np.ndarray:
    frequency = np.clip(images.train.x.mean(axis=0).ravel() / images.max_value, 0.001, 0.999)
    return (np.log(frequency) - np.log1p(-frequency)).astype(np.float32)
