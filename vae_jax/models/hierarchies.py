"""A VAE of several latents, a chain of conditional distributions."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax

from vae_jax.checks import check_distribution, check_likelihood, event_shape
from vae_jax.distributions import Distribution, Layered
from vae_jax.models.modules import apply_module, check_module, init_stateless
from vae_jax.models.record import VAE
from vae_jax.types import Event, Key, Params

Network = Callable[..., Distribution]  # (params, layer, z, c, key)


def chain(encoders: Sequence[nn.Module], decoders: Sequence[nn.Module], prior: Distribution) -> VAE:
    """A VAE of L latents, inferred from the bottom up.

        q(z|x)   = q(z_1|x) q(z_2|z_1) ... q(z_L|z_{L-1})
        p(x, z)  = p(x|z_1) p(z_1|z_2) ... p(z_{L-1}|z_L) p(z_L)

    The two layers of Burda et al. 2015:

        chain(
            [Network(MLP((200, 200)), GaussianHead((100,))), ...],  # q(z_1|x), q(z_2|z_1)
            [Network(MLP((200, 200)), BernoulliHead((28, 28, 1))), ...],  # p(x|z_1), p(z_1|z_2)
            standard_gaussian(50),
        )

    A plain VAE, whose posterior and prior are `Layered` over {"z1": ..., "z2": ...}: z1 is drawn
    first by the posterior, last by the prior. So the rate has no closed form (`rate` is a
    TypeError), since q(z_1|x) is not given the z_2 that p(z_1|z_2) is: descend
    `importance_weighted(...)` or a `Term("rate", sampled_rate)`, and pass `rate=sampled_rate` to
    `fit` and to `evaluate.elbos`.

    Args:
      encoders: (z_l, c) -> q(z_{l+1}|z_l,c) for l = 0 .. L - 1, where z_0 = x.
      decoders: (z_{l+1}, c) -> p(z_l|z_{l+1},c) for l = 0 .. L - 1, in the order of the encoders.
      prior: p(z_L).

    Returns:
      VAE, with the parameter groups "encoder" and "decoder", of a layer each: "1" is that between
      x and z_1. A condition goes to every network, as in `vae`. Dropout takes its noise from the
      key, each network its own.

    Raises:
      ValueError: there are not as many decoders as encoders, or there is none.
      TypeError: a network that is not a Linen module.
      TypeError, ValueError: in `init`, if a module returns no distribution, or p(z_l|z_{l+1}) is
        not over the events of q(z_l|z_{l-1}); if a module keeps variables besides parameters.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 2.
    """
    encoders, decoders = tuple(encoders), tuple(decoders)
    _check_lengths(len(encoders), len(decoders))
    for module in (*encoders, *decoders):
        check_module("encoder or decoder", module)
    L = len(encoders)
    q, p = _networks(encoders), _networks(decoders)

    def upward(given: Any, draw: Any) -> None:  # q(z_2|z_1) ... after q(z_1|x)
        z = draw("z1", given["first"])
        for layer in range(2, L + 1):
            z = draw(f"z{layer}", q(given["params"], layer, z, given["c"], given["key"]))

    def downward(given: Any, draw: Any) -> None:  # p(z_{L-1}|z_L) ... after p(z_L)
        z = draw(f"z{L}", given["top"])
        for layer in range(L, 1, -1):
            z = draw(f"z{layer - 1}", p(given["params"], layer, z, given["c"], given["key"]))

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params, top = _first_params(encoders, decoders, key, x, c)
        _check_prior(prior, top, key)
        return params

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Distribution:
        own = params["encoder"]
        first = q(own, 1, x, c, key)  # not in the program: x is encoded once, whatever is drawn
        return Layered({"first": first, "params": own, "c": c, "key": key}, upward)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Distribution:
        return p(params["decoder"], 1, z["z1"], c, key)

    def prior_of(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        return Layered({"top": prior, "params": params["decoder"], "c": c, "key": key}, downward)

    return VAE(init, encode, decode, prior_of)


def _networks(modules: Sequence[nn.Module]) -> Network:
    """(params, l, z, c, key) -> what the network of layer l makes of z, with noise of its own."""

    def apply(params: Params, layer: int, z: Event, c: Event, key: Key | None) -> Distribution:
        noise = None if key is None else jax.random.fold_in(key, layer)
        return apply_module(modules[layer - 1], params, str(layer), z, c, key=noise)

    return apply


def _first_params(
    encoders: Sequence[nn.Module], decoders: Sequence[nn.Module], key: Key, x: Event, c: Event
) -> tuple[Params, Event]:
    """Of each layer's two networks, from a draw of the layer below; and a draw of the last."""
    params: Params = {"encoder": {}, "decoder": {}}
    q, p, z = _networks(encoders), _networks(decoders), x
    for layer, layer_key in enumerate(jax.random.split(key, len(encoders)), 1):
        below, name = z, str(layer)
        encoder_key, decoder_key, z_key = jax.random.split(layer_key, 3)
        params["encoder"][name] = init_stateless(encoders[layer - 1], encoder_key, below, c)
        posterior = q(params["encoder"], layer, below, c, None)
        check_distribution(f"What encoder {layer} of the chain returns", posterior)
        z = posterior.sample(z_key)
        params["decoder"][name] = init_stateless(decoders[layer - 1], decoder_key, z, c)
        _check_layer(layer, p(params["decoder"], layer, z, c, None), below, key)
    return params, z


def _check_lengths(num_encoders: int, num_decoders: int) -> None:
    if num_encoders != num_decoders or num_encoders == 0:
        raise ValueError(
            "A chain has one encoder and one decoder for each stochastic layer, and one layer at"
            f" least; got {num_encoders} encoders and {num_decoders} decoders."
        )


def _check_layer(layer: int, made: Distribution, below: Event, key: Key) -> None:
    """Check that p(z_{l-1}|z_l) is over the events of q(z_{l-1}|z_{l-2}), or of x."""
    check_distribution(f"What decoder {layer} of the chain returns", made)
    if layer == 1:
        check_likelihood(made, below, key)
    else:
        _check_events(f"decoder {layer}", event_shape(made, key), f"encoder {layer - 1}", below)


def _check_prior(prior: Distribution, top: Event, key: Key) -> None:
    check_distribution("The prior", prior)
    _check_events("the prior", event_shape(prior, key), "the last encoder", top)


def _check_events(p: str, p_event: object, q: str, draw: Event) -> None:
    q_event = jax.tree.map(jax.numpy.shape, draw)
    if p_event != q_event:
        raise ValueError(
            f"In a chain, {p} and {q} are over the same events; {p} is over events of shape"
            f" {p_event}, {q} over events of shape {q_event}."
        )
