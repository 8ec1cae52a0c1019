"""A VAE of several stochastic layers, a chain of conditional distributions."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import flax.struct
import jax

from vae_jax.checks import check_distribution, check_likelihood, event_shape
from vae_jax.distributions import Distribution
from vae_jax.models.vae import VAE, Trace, apply_module, init_module
from vae_jax.types import Array, Event, Key, Params

Noise = tuple[Key | None, ...]


def chain(encoders: Sequence[nn.Module], decoders: Sequence[nn.Module], prior: Distribution) -> VAE:
    """A VAE of L stochastic layers, inferred from the bottom up.

        q(z|x)   = q(z_1|x) q(z_2|z_1) ... q(z_L|z_{L-1})
        p(x, z)  = p(x|z_1) p(z_1|z_2) ... p(z_{L-1}|z_L) p(z_L)

    The two layers of Burda et al. 2015:

        chain(
            [Network(MLP((200, 200)), GaussianHead((100,))), ...],  # q(z_1|x), q(z_2|z_1)
            [Network(MLP((200, 200)), BernoulliHead((28, 28, 1))), ...],  # p(x|z_1), p(z_1|z_2)
            standard_gaussian(50),
        )

    Its `encode` is q(z_1|x) and its `decode` p(x|z_1). Its `prior` is that of z_1, which can be
    drawn (z_L, ..., z_1) and has no density in closed form: a bound goes through the trace. The
    rate has no closed form either (`rate` is a TypeError), since q(z_1|x) is not given the z_2 that
    p(z_1|z_2) is: descend `importance_weighted(...)` or a `Term("rate", sampled_rate)`, and pass
    `rate=sampled_rate` to `fit` and to `evaluate.elbos`.

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
      TypeError, ValueError: in `init`, if a module returns no distribution, or p(z_l|z_{l+1}) is
        not over the events of q(z_l|z_{l-1}); if a module keeps variables besides parameters.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 2.
    """
    encoders, decoders = tuple(encoders), tuple(decoders)
    _check_lengths(len(encoders), len(decoders))
    layers = range(1, len(encoders) + 1)

    q = _networks(encoders, "encoder")  # q(z_l|z_{l-1})
    p = _networks(decoders, "decoder")  # p(z_{l-1}|z_l)

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params, top = _first_params(encoders, decoders, key, x, c)
        _check_prior(prior, top, key)
        return params

    def run(
        params: Params,
        key: Key,
        x: Event,
        c: Event = None,
        z: tuple[Event, ...] | None = None,
        noise: Key | None = None,
    ) -> Trace:
        q_noise, p_noise = _noise(noise, len(layers))
        posteriors, draws = _upward(
            lambda layer, below: q(params, layer, below, c, q_noise[layer - 1]), key, x, z, layers
        )
        above = [p(params, layer, draws[layer - 1], c, p_noise[layer - 1]) for layer in layers]
        return Trace(draws, posteriors, (*map(GivenAbove, above[1:]), prior), above[0])

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Distribution:
        return q(params, 1, x, c, key)

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Distribution:
        return p(params, 1, z, c, key)

    def first_prior(params: Params, c: Event = None) -> Distribution:
        return prior if len(layers) == 1 else Ancestral(params, c, prior, p, len(layers))

    return VAE(init, encode, decode, first_prior, trace=run)


class GivenAbove(Distribution):
    """p(z_l|z_{l+1}) in the trace of a chain, with a z_{l+1} that was drawn given z_l.

    It is the distribution it is given, and of a type of its own, because there is no closed form of
    KL(q(z_l|z_{l-1}) || p(z_l|z_{l+1})) that would be a part of the rate: `rate` raises a
    TypeError, where it would otherwise be wrong by nats.

    Args:
      distribution: p(z_l|z_{l+1}).
    """

    distribution: Distribution

    @property
    def reparameterized(self) -> bool:
        """That of the distribution."""
        return self.distribution.reparameterized

    def _sample(self, key: Key) -> Event:
        return self.distribution.sample(key)

    def _log_prob(self, value: Event) -> Array:
        return self.distribution.log_prob(value)

    def mean(self) -> Event:
        """That of the distribution."""
        return self.distribution.mean()

    def in_support(self, value: Event) -> Array:
        """That of the distribution."""
        return self.distribution.in_support(value)


class Ancestral(Distribution):
    """The prior of a chain's first layer, drawn from the top: z_L, then z_{L-1}, ..., then z_1.

        p(z_1) = E_{p(z_L)} E_{p(z_{L-1}|z_L)} ... p(z_1|z_2),   which has no closed form

    Args:
      params: of the chain.
      c: its condition, or None.
      top: p(z_L).
      below: (params, l, z_l, c) -> p(z_{l-1}|z_l).
      num_layers: L.
    """

    params: Params
    c: Event
    top: Distribution
    below: Callable[..., Distribution] = flax.struct.field(pytree_node=False)
    num_layers: int = flax.struct.field(pytree_node=False)

    reparameterized = False  # nothing is promised of the layers

    def _sample(self, key: Key) -> Event:
        first_key, *keys = jax.random.split(key, self.num_layers)
        z = self.top.sample(first_key)
        for layer, layer_key in zip(range(self.num_layers, 1, -1), keys, strict=True):
            z = self.below(self.params, layer, z, self.c).sample(layer_key)
        return z

    def _log_prob(self, value: Event) -> Array:
        raise TypeError(
            "The first layer of a chain has a prior without a density in closed form: an integral"
            " over the layers above. The log-density of all layers is model.log_prior of a"
            " model.trace; for a bound use importance_weighted, or sampled_rate, as in"
            " evaluate.elbos(..., rate=sampled_rate)."
        )


def _networks(modules: Sequence[nn.Module], group: str) -> Callable[..., Distribution]:
    """(params, l, z, c, noise) -> what the network of layer l makes of z."""

    def apply(
        params: Params, layer: int, z: Event, c: Event, noise: Key | None = None
    ) -> Distribution:
        return apply_module(modules[layer - 1], params[group][str(layer)], z, c, noise)

    return apply


def _first_params(
    encoders: Sequence[nn.Module], decoders: Sequence[nn.Module], key: Key, x: Event, c: Event
) -> tuple[Params, Event]:
    """Of each layer's two networks, from a draw of the layer below; and a draw of the last."""
    params: Params = {"encoder": {}, "decoder": {}}
    z, keys = x, jax.random.split(key, len(encoders))
    for layer, layer_key in enumerate(keys, 1):
        encoder, decoder, below = encoders[layer - 1], decoders[layer - 1], z
        encoder_key, decoder_key, z_key = jax.random.split(layer_key, 3)
        q_params = init_module(encoder, encoder_key, below, c)
        q = apply_module(encoder, q_params, below, c, None)
        check_distribution(f"What encoder {layer} of the chain returns", q)
        z = q.sample(z_key)
        p_params = init_module(decoder, decoder_key, z, c)
        _check_layer(layer, apply_module(decoder, p_params, z, c, None), below, key)
        params["encoder"][str(layer)], params["decoder"][str(layer)] = q_params, p_params
    return params, z


def _upward(
    q: Callable[[int, Event], Distribution],
    key: Key,
    x: Event,
    z: tuple[Event, ...] | None,
    layers: range,
) -> tuple[tuple[Distribution, ...], tuple[Event, ...]]:
    """The posteriors from the bottom up, and the draws from them, or those that are given."""
    keys = jax.random.split(key, len(layers)) if z is None else ()
    posteriors: list[Distribution] = []
    draws: list[Event] = []
    for layer in layers:
        posteriors.append(q(layer, draws[-1] if draws else x))
        draws.append(posteriors[-1].sample(keys[layer - 1]) if z is None else z[layer - 1])
    return tuple(posteriors), tuple(draws)


def _noise(noise: Key | None, num_layers: int) -> tuple[Noise, Noise]:
    """A dropout key for each encoder, and for each decoder."""
    if noise is None:
        return (None,) * num_layers, (None,) * num_layers
    keys = tuple(jax.random.split(noise, 2 * num_layers))
    return keys[:num_layers], keys[num_layers:]


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
