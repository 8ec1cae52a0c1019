"""The networks of a case in this library, and how they are descended."""

from typing import Any

import jax.numpy as jnp
import optax
from flax import linen as nn

from experiments.benchmarks.cases import PIXELS, SIDE, UP, Case
from vae_jax import (
    VAE,
    Step,
    descend,
    importance_weighted,
    networks,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.bounds import iwae_bound
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    ConvDecoder,
    ConvEncoder,
    GaussianHead,
    Network,
    PredictedScale,
)
from vae_jax.types import Array


def model(case: Case) -> VAE:
    """The networks of a case."""
    activation = getattr(nn, case.activation)
    how: Any = {"activation": activation, "dtype": case.dtype and jnp.dtype(case.dtype)}
    posterior = GaussianHead((case.latent,), PredictedScale(floor=None), dtype=how["dtype"])
    shape = (SIDE, SIDE, 1) if case.convolutional else (PIXELS,)
    pixels = BernoulliHead(shape, dtype=how["dtype"])
    if case.convolutional:
        body = ConvDecoder((SIDE, SIDE), case.decoder, getattr(networks, UP), **how)
        encoder = Network(ConvEncoder(case.encoder, **how), posterior)
        decoder = Network(body, pixels)
    else:
        encoder = Network(MLP(case.encoder, **how), posterior)
        decoder = Network(MLP(case.decoder, **how), pixels)
    return vae(encoder, decoder, standard_gaussian(case.latent))


def descent(case: Case, net: VAE) -> Step:
    """A step of Adam on the importance-weighted bound, or on the ELBO for no draws."""
    objective = (
        importance_weighted(net, iwae_bound(), num_draws=case.draws)
        if case.draws
        else weighted_sum(net)
    )
    return descend(objective, optax.adam(case.learning_rate, eps=case.epsilon))


def example(case: Case) -> Array:
    """Of the shape of one image."""
    return jnp.zeros((SIDE, SIDE, 1) if case.convolutional else PIXELS)
