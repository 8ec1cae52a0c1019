"""A variational autoencoder as a record of pure functions of one example."""

from collections.abc import Callable
from typing import NamedTuple

from vae_jax.distributions import Distribution
from vae_jax.models.trace import Trace
from vae_jax.types import Params


class VAE(NamedTuple):
    """q(z|x,c), p(z|c), p(x|z,c): pure functions of ONE example x and its condition c (or None).

    The key is the flag: with a key a part is in training (dropout takes its noise from it, running
    averages move), with None in evaluation. In training a part may return `WithState(distribution,
    entries)`, entries of the group "state" brought up to date.

    Fields:
      init: (key, x, c=None) -> params, a dict of groups {"encoder": ..., "decoder": ...}. The
        group "state", where there is one, is a dict by mechanism {"batch_stats": ..., "codebook":
        ...}, carried along and never descended.
      encode: (params, x, c=None, key=None) -> q(z|x,c); of several latents, a `Layered`.
      decode: (params, z, c=None, key=None) -> p(x|z,c).
      prior: (params, c=None, key=None) -> p(z|c).
      update_state: (params, key, batch) -> entries of the state, from a look at the batch; or None.
      trace: (model, params, key, x, c=None, z=None, noise=None) -> Trace, for models that share a
        pass between their parts: see `models.trace`. It is given the record, so that a part that
        was replaced is seen. None: the trace is made of the three functions.
      over_data: (model, params, key, x, c=None) -> entries of the state, of one example, whose mean
        over the training data is what an evaluation reads, by the parameters as they are then; or
        None. It is given the record, too. In training such a model is fitted to its batch, and what
        it is scored by there is no bound. See `train.settled`.
    """

    init: Callable[..., Params]
    encode: Callable[..., Distribution]
    decode: Callable[..., Distribution]
    prior: Callable[..., Distribution]
    update_state: Callable[..., Params] | None = None
    trace: Callable[..., Trace] | None = None
    over_data: Callable[..., Params] | None = None


def learned(params: Params) -> Params:
    """The groups that are descended: all but "state"."""
    return {name: group for name, group in params.items() if name != "state"}
