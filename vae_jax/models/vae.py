"""A VAE of Flax modules."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax

from vae_jax.calls import check_takes
from vae_jax.checks import check_posterior
from vae_jax.distributions import Distribution
from vae_jax.models.modules import apply_module, check_module, prior_function, with_module
from vae_jax.models.record import VAE
from vae_jax.models.trace import trace
from vae_jax.types import Event, Key, Params

First = Callable[[Key, Event, Event, Event], Params]  # (key, x, c, z) -> first parameters


def vae(
    encoder: nn.Module,
    decoder: nn.Module,
    prior: Distribution | nn.Module,
    *,
    groups: Mapping[str, First] | None = None,
) -> VAE:
    """A VAE of Flax Linen modules.

        vae(encoder, decoder, standard_gaussian(8))
        vae(encoder, decoder, nn.Sequential([one_hot(10), GaussianHead((8,))]))  # p(z|c), learned
        vae(..., groups={"critic": lambda key, x, c, z: critic.init(key, z)["params"]})

    Args:
      encoder: (x, c) -> q(z|x,c), for one example; e.g. `networks.Network(body, head)`.
      decoder: (z, c) -> p(x|z,c).
      prior: p(z), fixed; or a module (c) -> p(z|c), with the parameter group "prior".
      groups: further groups of parameters, for objectives with networks of their own: name ->
        (key, x, c, z) -> the first parameters, given an example, its condition and a draw.

    Returns:
      VAE, with the parameter groups "encoder" and "decoder". Dropout takes its noise from the key.
      What a module carries besides parameters (BatchNorm's running averages, "batch_stats") is in
      params["state"][collection][group]. It moves where there is a key, in training, and is read
      where there is none. A module that pools over the batch names the axis "batch":
      nn.BatchNorm(use_running_average=not train, axis_name="batch"); an argument `train` of a
      module's __call__ is given it.

    Raises:
      TypeError: a module that is not Linen's.
      TypeError, ValueError: in `init`, if a module returns no distribution, or the events of
        posterior, prior, likelihood and x differ.
    """
    check_module("encoder", encoder)
    check_module("decoder", decoder)
    prior_of = prior_function(prior)
    own = dict(groups or {})
    for name, first in own.items():
        check_takes(f"The group {name!r}", first, "key", "x", "c", "z")

    def init(key: Key, x: Event, c: Event = None) -> Params:
        encoder_key, decoder_key, z_key, prior_key, groups_key = jax.random.split(key, 5)
        params = with_module({}, "encoder", encoder, encoder_key, x, c)
        if isinstance(prior, nn.Module):
            params = with_module(params, "prior", prior, prior_key, c)
        q = encode(params, x, c)
        check_posterior(q, prior_of(params, c), key)
        z = q.sample(z_key)
        params = with_module(params, "decoder", decoder, decoder_key, z, c)
        jax.eval_shape(lambda: trace(model, params, z_key, x, c).z)  # checks the likelihood
        keys = dict(zip(own, jax.random.split(groups_key, len(own)), strict=True)) if own else {}
        return {**params, **{name: own[name](keys[name], x, c, z) for name in own}}

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        return apply_module(encoder, params, "encoder", x, c, key=key)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        return apply_module(decoder, params, "decoder", z, c, key=key)

    model = VAE(init, encode, decode, prior_of)
    return model
