"""Pseudo-inputs of a VampPrior, as an encoder reads them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.models import VAE, with_vamp_prior
from vae_jax.models.modules import apply_module
from vae_jax.networks import Network
from vae_jax.types import Array, Event, Key, Params

Inputs = Callable[[Key, int], Array] | None


def with_read_inputs(
    model: VAE, reader: Network, number: int, examples: Inputs, preprocess: Callable | None
) -> VAE:
    """The model with a VampPrior of so many pseudo-inputs, which its encoder reads behind the
    preprocessing of the examples: integers could not be learned.

    Args:
      model: whose encoder's parameters are those of `reader`.
      reader: the encoder without its preprocessing.
      number: C.
      examples: see `Form.inputs`.
      preprocess: of the examples.
    """

    def first(key: Key, x: Event) -> Array:
        if examples is not None:
            return examples(key, number)
        read = x if preprocess is None else preprocess(x)
        if not hasattr(read, "dtype") or not jnp.issubdtype(read.dtype, jnp.floating):
            raise ValueError(
                "prior='vamp' learns inputs of the encoder, and of these data it reads integers,"
                " which have no derivative: choose prior='mixture', or a flow."
            )
        return jax.random.normal(key, (number, *read.shape))

    def encode(params: Params, u: Event, c: Event = None) -> Event:
        return apply_module(reader, params, "encoder", u, c)

    return with_vamp_prior(model, first, encode=encode)
