"""A model whose latents are replaced by codes, whichever these are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.checks import event_shape
from vae_jax.distributions import Distribution, Quantised, UniformCodes
from vae_jax.distributions.codes import Codes
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, merge_entries, parted
from vae_jax.models.trace import trace
from vae_jax.types import Array, Event, Key, Params


def _same(x: Array) -> Array:
    return x


class Quantiser(NamedTuple):
    """How the latents of a model become codes.

    Fields:
      first: (key, shape) -> the parameters that it brings, of features of a shape [*positions, D]:
        {"codebook": group}, {"state": {"codebook": entry}}, or {}.
      codes: (params, key=None) -> the codes; with a key those of one example in training.
      features: of the mean of the model's q(z|x), what is compared with the codes.
      moved: (params, q, key) -> entries of the state, brought up to date; {} where none moves.
      read: of an event, what the decoder reads.
    """

    first: Callable[[Key, tuple[int, ...]], Params]
    codes: Callable[..., Codes]
    features: Callable[[Array], Array] = _same
    moved: Callable[[Params, Quantised, Key], Params] = lambda params, q, key: {}
    read: Callable[[Array], Array] = _same


def with_quantiser(model: VAE, name: str, quantiser: Quantiser) -> VAE:
    """The model, its latents replaced by codes and its prior by the uniform one over these.

    Args:
      model: of one latent, an array of vectors [*positions, D]; its prior says the shape.
      name: of the function that the user has called, for messages.
      quantiser: how.

    Raises:
      ValueError: in `init`, a model whose prior is learned, or whose latents are no such array.
    """

    def init(key: Key, x: Event, c: Event = None) -> Params:
        model_key, codes_key = jax.random.split(key)
        params = model.init(model_key, x, c)
        _check_fixed(name, params)
        shape = event_shape(model.prior(params, c), key)
        _check_vectors(name, shape)
        params = _with(params, quantiser.first(codes_key, shape))
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        model_key, part_key, move_key = (None,) * 3 if key is None else jax.random.split(key, 3)
        made, entries = parted(model.encode(params, x, c, model_key))
        q = Quantised(quantiser.features(made.mean()), quantiser.codes(params, part_key))
        moved = {} if move_key is None else quantiser.moved(params, q, move_key)
        merged = merge_entries(entries, moved)
        return q if merged is None else WithState(q, merged)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        return model.decode(params, quantiser.read(z), c, key)

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        shape = event_shape(model.prior(params, c), jax.random.key(0))
        codes = quantiser.codes(params)
        return UniformCodes(codes, jax.eval_shape(_event, codes, jnp.zeros(shape)).shape)

    changed = model._replace(init=init, encode=encode, decode=decode, prior=prior)
    return changed


def _event(codes: Codes, features: Array) -> Array:
    return codes.vectors(codes.nearest(features))


def _with(params: Params, added: Params) -> Params:
    """The parameters and what is added to them, to the state by its entries."""
    state = {**params.get("state", {}), **added.get("state", {})}
    return {**params, **added, **({"state": state} if state else {})}


def _check_fixed(name: str, params: Params) -> None:
    if "prior" in params:
        raise ValueError(
            f"{name} has a prior of its own, and of the model's uses the shape of its events: the"
            " parameters of a learned one would be carried and never descended. Give it a model of"
            " a fixed prior, such as standard_gaussian(7, 7, 16); a learned prior of the codes is"
            f" with_code_prior({name}(...), ...)."
        )


def _check_vectors(name: str, event: Any) -> None:
    if not isinstance(event, tuple) or not event:
        raise ValueError(
            f"{name} takes a model of one latent, an array of vectors [..., D]; got events of shape"
            f" {event}."
        )
