"""A VAE of several latents, inferred from the top down in one shared pass."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vae_jax.checks import check_distribution
from vae_jax.distributions import Distribution, Layered
from vae_jax.distributions.layered import Layers
from vae_jax.models.modules import apply_module, check_module, init_stateless
from vae_jax.models.record import VAE
from vae_jax.models.trace import Trace, trace, trace_parts
from vae_jax.types import Array, Event, Key, Params

Given = dict[str, Any]  # parameters, features, condition, key: what a pass reads


class Rung(NamedTuple):
    """The networks of one latent; h are the features of the latents above it.

    Fields:
      prior: (h, c) -> p(z_l | z above).
      posterior: (h beside the encoder's features, c) -> q(z_l | z above, x).
      down: (h beside z_l, c) -> the features of the next rung below.
    """

    prior: nn.Module
    posterior: nn.Module
    down: nn.Module


def ladder(encoder: nn.Module, rungs: Sequence[Rung], decoder: nn.Module, width: int) -> VAE:
    """A VAE of L latents, whose posterior goes down the prior's own way.

        q(z|x) = q(z_L|x) q(z_{L-1}|z_L,x) ... q(z_1|z_2..z_L,x)
        p(x,z) = p(z_L) p(z_{L-1}|z_L) ... p(z_1|z_2..z_L) p(x|z)

    Both go through the features h_l = down_l(h_{l+1}, z_l) of the latents above, from h_{L+1},
    which is learned; so that one pass downward gives q, p and p(x|z), and a trace costs it once.
    Posterior and prior are `Layered` over {"zL": ..., ..., "z1": ...}, in this one order: `rate` is
    the sum over the latents of a closed form.

    Args:
      encoder: (x, c) -> a tuple of features [F_l], one for each rung, in the order of the rungs.
      rungs: from the top, z_L, to the bottom, z_1.
      decoder: (h_1, c) -> p(x|z).
      width: of h_{L+1}, a vector.

    Returns:
      VAE, with the parameter groups "encoder" (and the posteriors in it) and "decoder". A condition
      goes to every network. A model of which a part is replaced is traced from its parts.

    Raises:
      ValueError: no rungs; in `init`, not one tuple entry for each rung, events that differ, or a
        network that keeps variables besides its parameters, such as BatchNorm's averages.
      TypeError: a network that is not a Linen module.

    Reference: Kingma et al. 2016, arXiv 1606.04934, section 4 (bidirectional inference); Sønderby
    et al. 2016, arXiv 1602.02282 (the ladder), whose posterior is a product with the prior instead.
    """
    rungs = tuple(Rung(*rung) for rung in rungs)
    if not rungs:
        raise ValueError("A ladder has one rung at least; got none.")
    for module in (encoder, decoder, *(part for rung in rungs for part in rung)):
        check_module("network of a ladder", module)
    passes = _Passes(encoder, rungs, decoder)

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = passes.first_params(key, x, c, width)
        jax.eval_shape(lambda: trace(model, params, key, x, c).z)  # checks the events
        return params

    model = VAE(init, passes.encode, passes.decode, passes.prior, trace=passes.trace)
    return model


class _Passes(NamedTuple):
    """The networks of a ladder, and the passes through them."""

    encoder: nn.Module
    rungs: tuple[Rung, ...]
    decoder: nn.Module

    def encode(self, params: Params, x: Event, c: Event = None, key: Key | None = None) -> Layered:
        given = _given(params, c, key)
        return Layered({**given, "up": self.features(given, x)}, self.draw_posterior)

    def prior(self, params: Params, c: Event = None, key: Key | None = None) -> Layered:
        return Layered(_given(params, c, key), self.draw_prior)

    def decode(
        self, params: Params, z: Event, c: Event = None, key: Key | None = None
    ) -> Distribution:
        given = _given(params, c, key)
        return self.output(given, self.descend(given, lambda rung, h: z[self.name(rung)]))

    def trace(
        self,
        model: VAE,
        params: Params,
        key: Key,
        x: Event,
        c: Event = None,
        z: Event = None,
        noise: Key | None = None,
    ) -> Trace:
        """One pass for the three, unless a part of the model was replaced."""
        if (model.encode, model.prior, model.decode) != (self.encode, self.prior, self.decode):
            return trace_parts(model, params, key, x, c, z, noise)
        given = _given(params, c, noise)
        given["up"] = self.features(given, x)
        q: Layers = OrderedDict()
        p: Layers = OrderedDict()
        drawn: dict[str, Event] = {}
        log_q: dict[str, Array] = {}

        def visit(rung: int, h: Array) -> Event:
            name = self.name(rung)
            q[name], p[name] = self.posterior_at(given, rung, h), self.prior_at(given, rung, h)
            if z is None:  # as Layered draws
                one = q[name].sample_and_log_prob(jax.random.fold_in(key, rung))
            else:
                one = z[name], q[name].log_prob(z[name])
            drawn[name], log_q[name] = one
            return drawn[name]

        likelihood = self.output(given, self.descend(given, visit))
        return Trace(drawn, q, p, likelihood, log_q)

    def draw_posterior(self, given: Given, draw: Any) -> None:
        self.descend(
            given, lambda rung, h: draw(self.name(rung), self.posterior_at(given, rung, h))
        )

    def draw_prior(self, given: Given, draw: Any) -> None:
        self.descend(given, lambda rung, h: draw(self.name(rung), self.prior_at(given, rung, h)))

    def descend(self, given: Given, visit: Callable[[int, Array], Event]) -> Array:
        """From rung to rung, `visit` giving the latent of each; the h below the last."""
        h = given["decoder"]["top"]
        for rung in range(len(self.rungs)):
            h = self.made(given, "down", rung, _beside(h, visit(rung, h)))
        return h

    def posterior_at(self, given: Given, rung: int, h: Array) -> Distribution:
        return self.made(given, "posterior", rung, _beside(h, given["up"][rung]))

    def prior_at(self, given: Given, rung: int, h: Array) -> Distribution:
        return self.made(given, "prior", rung, h)

    def features(self, given: Given, x: Event) -> tuple[Array, ...]:
        return _apply(self.encoder, given, given["encoder"], "up", x, 0)

    def output(self, given: Given, h: Array) -> Distribution:
        return _apply(self.decoder, given, given["decoder"], "out", h, 1)

    def made(self, given: Given, part: str, rung: int, y: Array) -> Any:
        """What one network of a rung makes of y."""
        group = given["encoder" if part == "posterior" else "decoder"][part]
        number = 2 + 3 * rung + Rung._fields.index(part)
        return _apply(getattr(self.rungs[rung], part), given, group, self.name(rung), y, number)

    def name(self, rung: int) -> str:
        return f"z{len(self.rungs) - rung}"

    def first_params(self, key: Key, x: Event, c: Event, width: int) -> Params:
        """Of each network, from what those above it make of a draw of the posterior."""
        up_key, out_key, *keys = jax.random.split(key, 2 + len(self.rungs))
        h = jnp.zeros(width)
        params: Params = {
            "encoder": {"up": init_stateless(self.encoder, up_key, x, c), "posterior": {}},
            "decoder": {"top": h, "prior": {}, "down": {}},
        }
        up = self.features(_given(params, c, None), x)
        if len(up) != len(self.rungs):
            raise ValueError(
                f"A ladder's encoder returns one array of features for each rung, {len(self.rungs)}"
                f" of them; got {len(up)}."
            )
        for rung, own in enumerate(keys):
            h = self.first_rung(params, own, rung, h, up[rung], c)
        params["decoder"]["out"] = init_stateless(self.decoder, out_key, h, c)
        return params

    def first_rung(
        self, params: Params, key: Key, rung: int, h: Array, up: Array, c: Event
    ) -> Array:
        """Put the first parameters of one rung's networks in their places; the h below it."""
        name, networks, given = self.name(rung), self.rungs[rung], _given(params, c, None)
        p_key, q_key, z_key, down_key = jax.random.split(key, 4)
        own = init_stateless(networks.prior, p_key, h, c)
        params["decoder"]["prior"][name] = own
        own = init_stateless(networks.posterior, q_key, _beside(h, up), c)
        params["encoder"]["posterior"][name] = own
        q = self.made(given, "posterior", rung, _beside(h, up))
        check_distribution(f"What the posterior of {name} returns", q)
        both = _beside(h, q.sample(z_key))
        params["decoder"]["down"][name] = init_stateless(networks.down, down_key, both, c)
        return self.made(given, "down", rung, both)


def _given(params: Params, c: Event, key: Key | None) -> Given:
    return {"encoder": params["encoder"], "decoder": params["decoder"], "c": c, "key": key}


def _apply(
    module: nn.Module, given: Given, params: Params, group: str, y: Array, number: int
) -> Any:
    """What the module makes of y and the condition, with dropout noise of its own."""
    key = None if given["key"] is None else jax.random.fold_in(given["key"], number)
    return apply_module(module, params, group, y, given["c"], key=key)


def _beside(h: Array, y: Array) -> Array:
    return jnp.concatenate([h, y], axis=-1)
