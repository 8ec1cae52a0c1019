"""Priors and posteriors that are made of inputs, as an encoder reads them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.priors import Prior
from vae_jax.models import VAE, of_noise
from vae_jax.models.modules import apply_module
from vae_jax.networks import Network
from vae_jax.types import Array, Event, Key, Params


def with_read_inputs(
    model: VAE, reader: Network, prior: Prior, form: Form, preprocess: Callable | None
) -> VAE:
    """The model with a prior of so many inputs, which its encoder reads behind the preprocessing of
    the examples: integers could not be learned.

    Args:
      model: whose encoder's parameters are those of `reader`.
      reader: the encoder without its preprocessing.
      prior: with its number of inputs, C.
      form: of the examples.
      preprocess: of the examples.
    """
    examples = form.inputs
    if prior.at_means and examples is None:
        raise ValueError(
            "prior='exemplars' keeps some of the training images, and these data are none: choose"
            " prior='vamp', or prior='mixture'."
        )
    if prior.at_examples and examples is None:
        raise ValueError(
            "pseudo_start='data' is at training images, and these data are none: choose"
            " pseudo_start='noise'."
        )

    def first(key: Key, x: Event) -> Array:
        if examples is not None and prior.at_examples is not False:
            return examples(key, prior.inputs)
        if examples is not None:
            return _grey(key, x, prior.inputs, form.classes, preprocess)
        read = x if preprocess is None else preprocess(x)
        if not hasattr(read, "dtype") or not jnp.issubdtype(read.dtype, jnp.floating):
            raise ValueError(
                "prior='vamp' learns inputs of the encoder, and of these data it reads integers,"
                " which have no derivative: choose prior='mixture', or a flow."
            )
        return jax.random.normal(key, (prior.inputs, *read.shape))

    return prior.of_inputs(model, first, encode=_encode_by(reader))


def with_kept_examples(model: VAE, reader: Network, posterior: Posterior, form: Form) -> VAE:
    """The model with a posterior around so many training examples, which are kept.

    Args:
      model, reader, form: as of `with_read_inputs`.
      posterior: with its number of examples.
    """
    examples = form.inputs
    if examples is None or reader.embed is not None:
        raise ValueError(
            "posterior='riemannian_hamiltonian' keeps some of the training images, and is of images"
            " without a condition: choose posterior='hamiltonian'."
        )

    def first(key: Key, x: Event) -> Array:
        del x
        return examples(key, posterior.examples)

    return posterior.around(model, first, encode=_encode_by(reader))


def _encode_by(reader: Network) -> Callable[..., Event]:
    def encode(params: Params, u: Event, c: Event = None) -> Event:
        return apply_module(reader, params, "encoder", u, c)

    return encode


def _grey(
    key: Key, x: Event, number: int, levels: int | None, preprocess: Callable | None
) -> Array:
    """Images of noise about the middle of their range, as the encoder reads them: intensities in
    [0, 1], or what the preprocessing makes of integers below the levels."""
    noise: Array = of_noise(number)(key, x)
    return noise if preprocess is None else jax.vmap(preprocess)(((levels or 2) - 1) * noise)
