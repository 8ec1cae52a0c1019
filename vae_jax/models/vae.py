"""A variational autoencoder as a record of pure functions of one example."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax.checks import check_likelihood, check_posterior
from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event, Key, Params


class Trace(NamedTuple):
    """One pass through a model: what was drawn, and from what.

    Fields, the first three tuples with one entry per stochastic layer (for a plain VAE, one):
      z: the draws.
      q: q(z_l | x, layers drawn before).
      p: p(z_l | layers above).
      likelihood: p(x|z).
      state: what is carried and never descended, brought up to date; or None.
    """

    z: tuple[Event, ...]
    q: tuple[Distribution, ...]
    p: tuple[Distribution, ...]
    likelihood: Distribution
    state: Params = None


class VAE(NamedTuple):
    """q(z|x,c), p(z|c), p(x|z,c): pure functions of ONE example x and its condition c (or None).

    Fields:
      init: (key, x, c=None) -> params, a dict of groups {"encoder": ..., "decoder": ...}. The
        group "state", where there is one, is carried along and never descended.
      encode: (params, x, c=None, key=None) -> q(z|x,c). A key makes dropout noise; None evaluates.
      decode: (params, z, c=None, key=None) -> p(x|z,c).
      prior: (params, c=None) -> p(z|c).
      refresh: (params, key, batch) -> the new state, from a batch; or None.
      trace: (params, key, x, c=None, z=None, noise=None) -> Trace, for models whose layers share a
        pass (hierarchies): `key` draws z, or z is given and `key` unused; `noise` is the dropout
        key. None: the trace is made of the three functions above.
    """

    init: Callable[..., Params]
    encode: Callable[..., Distribution]
    decode: Callable[..., Distribution]
    prior: Callable[..., Distribution]
    refresh: Callable[..., Params] | None = None
    trace: Callable[..., Trace] | None = None


def vae(encoder: nn.Module, decoder: nn.Module, prior: Distribution) -> VAE:
    """A VAE of two Flax Linen modules and a fixed prior.

    Args:
      encoder: (x, c) -> q(z|x,c), for one example; e.g. `networks.Network(body, head)`.
      decoder: (z, c) -> p(x|z,c).
      prior: p(z).

    Returns:
      VAE, with the parameter groups "encoder" and "decoder". Dropout takes its noise from the key.

    Raises:
      TypeError, ValueError: in `init`, if a module returns no distribution, or the events of
        posterior, prior, likelihood and x differ; if a module keeps variables besides parameters
        (BatchNorm): write the record by hand, with a "state" group, or use `vae_jax.batched`.
    """

    def init(key: Key, x: Event, c: Event = None) -> Params:
        encoder_key, decoder_key, z_key = jax.random.split(key, 3)
        encoder_params = init_module(encoder, encoder_key, x, c)
        q = encode({"encoder": encoder_params}, x, c)
        check_posterior(q, prior, key)
        decoder_params = init_module(decoder, decoder_key, q.sample(z_key), c)
        params = {"encoder": encoder_params, "decoder": decoder_params}
        jax.eval_shape(lambda: trace(model, params, z_key, x, c).z)  # checks the likelihood
        return params

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Distribution:
        return apply_module(encoder, params["encoder"], x, c, key)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Distribution:
        return apply_module(decoder, params["decoder"], z, c, key)

    model = VAE(init, encode, decode, lambda params, c=None: prior)
    return model


def trace(
    model: VAE,
    params: Params,
    key: Key,
    x: Event,
    c: Event = None,
    z: tuple[Event, ...] | None = None,
    noise: Key | None = None,
) -> Trace:
    """One pass through a model: its own `trace`, or one made of encode, prior and decode.

    Raises:
      TypeError, ValueError: if a part is no distribution, the events of the parts differ, or z, q
        and p are not one of each per layer.
    """
    run = model.trace or _plain_trace(model)
    t = run(params, key, x, c, z, noise)
    if not len(t.z) == len(t.q) == len(t.p):
        raise ValueError(
            "A trace has one z, one q and one p for each stochastic layer, three tuples of one"
            f" length; this model's has {len(t.z)} z, {len(t.q)} q and {len(t.p)} p."
        )
    for q, p in zip(t.q, t.p, strict=True):
        check_posterior(q, p, key)
    check_likelihood(t.likelihood, x, key)
    return t


def log_prior(t: Trace) -> Array:
    """sum_l log p(z_l | layers above), [] nats."""
    return _sum_log_prob(t.p, t.z)


def log_posterior(t: Trace) -> Array:
    """sum_l log q(z_l | x, layers drawn before), [] nats."""
    return _sum_log_prob(t.q, t.z)


def learned(params: Params) -> Params:
    """The groups that are descended: all but "state"."""
    return {name: group for name, group in params.items() if name != "state"}


def init_module(module: nn.Module, key: Key, value: Event, c: Event) -> Params:
    """A module's first parameters. ValueError if it keeps variables besides them."""
    variables = dict(module.init(key, value, c))
    params = variables.pop("params", {})
    if variables:
        raise ValueError(
            f"{type(module).__name__} keeps {sorted(variables)} besides its parameters. vae() and"
            " chain() take modules of parameters alone: write the record by hand, with a group"
            " 'state', or compute the bound with vae_jax.batched."
        )
    return params


def apply_module(module: nn.Module, params: Params, value: Event, c: Event, key: Key | None) -> Any:
    """What a module returns, with dropout noise from `key`, or without any for None."""
    rngs = {} if key is None else {"dropout": key}
    return module.apply({"params": params}, value, c, rngs=rngs)


def _plain_trace(model: VAE) -> Callable[..., Trace]:
    """The trace of a model with one stochastic layer."""

    def run(
        params: Params, key: Key, x: Event, c: Event, z: tuple[Event, ...] | None, noise: Key | None
    ) -> Trace:
        encoder_noise, decoder_noise = (None, None) if noise is None else jax.random.split(noise)
        q = model.encode(params, x, c, encoder_noise)
        z = (q.sample(key),) if z is None else z
        likelihood = model.decode(params, z[0], c, decoder_noise)
        return Trace(z, (q,), (model.prior(params, c),), likelihood)

    return run


def _sum_log_prob(layers: tuple[Distribution, ...], z: tuple[Event, ...]) -> Array:
    return jnp.sum(jnp.stack([d.log_prob(z_l) for d, z_l in zip(layers, z, strict=True)]))
