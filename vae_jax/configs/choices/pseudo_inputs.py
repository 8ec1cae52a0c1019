"""Priors that are mixtures of posteriors, of inputs as an encoder reads them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.configs.choices.priors import Prior
from vae_jax.models import VAE
from vae_jax.models.modules import apply_module
from vae_jax.networks import Network
from vae_jax.types import Array, Event, Key, Params

Inputs = Callable[[Key, int], Array] | None


def with_read_inputs(
    model: VAE, reader: Network, prior: Prior, examples: Inputs, preprocess: Callable | None
) -> VAE:
    """The model with a prior of so many inputs, which its encoder reads behind the preprocessing of
    the examples: integers could not be learned.

    Args:
      model: whose encoder's parameters are those of `reader`.
      reader: the encoder without its preprocessing.
      prior: with its number of inputs, C.
      examples: see `Form.inputs`.
      preprocess: of the examples.
    """
    if prior.at_means and examples is None:
        raise ValueError(
            "prior='exemplars' keeps some of the training images, and these data are none: choose"
            " prior='vamp', or prior='mixture'."
        )

    def first(key: Key, x: Event) -> Array:
        if examples is not None:
            return examples(key, prior.inputs)
        read = x if preprocess is None else preprocess(x)
        if not hasattr(read, "dtype") or not jnp.issubdtype(read.dtype, jnp.floating):
            raise ValueError(
                "prior='vamp' learns inputs of the encoder, and of these data it reads integers,"
                " which have no derivative: choose prior='mixture', or a flow."
            )
        return jax.random.normal(key, (prior.inputs, *read.shape))

    def encode(params: Params, u: Event, c: Event = None) -> Event:
        return apply_module(reader, params, "encoder", u, c)

    return prior.of_inputs(model, first, encode=encode)
