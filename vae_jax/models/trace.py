"""One pass through a model: what was drawn, and from what."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import jax

from vae_jax.checks import check_distribution, check_likelihood, check_posterior
from vae_jax.distributions import (
    Distribution,
    Hamiltonian,
    Joint,
    Layered,
    RiemannianHamiltonian,
)
from vae_jax.distributions.hamiltonian import Part
from vae_jax.distributions.joint import is_part
from vae_jax.distributions.layered import Layers, total
from vae_jax.models.state import merge_entries, parted
from vae_jax.types import Array, Event, Key, Params

if TYPE_CHECKING:
    from vae_jax.models.record import VAE


class Trace(NamedTuple):
    """One pass through a model: what was drawn, and from what.

    Of a model with several latents (`Layered`), z and log_q are dicts {name: ...}, and q and p are
    OrderedDicts of the conditionals at this draw, {name: q(z_l | x, latents drawn before)}, each in
    the order of its drawing.

    Fields:
      z: the draw, which `decode` takes.
      q: q(z|x).
      p: p(z).
      likelihood: p(x|z).
      log_q: log q(z|x), one number for each latent, nats: that of the draw where it was drawn, and
        of log_prob where z was given (of a narrow Gaussian's rounded draw that is wrong by nats).
      state: entries of the state that the pass brought up to date; or None.
    """

    z: Event
    q: Distribution | Layers
    p: Distribution | Layers
    likelihood: Distribution
    log_q: Array | dict[str, Array]
    state: Params = None


def trace(
    model: "VAE",
    params: Params,
    key: Key,
    x: Event,
    c: Event = None,
    z: Event = None,
    noise: Key | None = None,
) -> Trace:
    """One pass through a model: its own `trace`, or one made of encode, prior and decode.

    To freeze the parameters and not the path through z: `trace(model, stop_gradient(params), key,
    x, c, z)`.

    Args:
      model, params: the VAE.
      key: draws z; unused where z is given.
      x, c: one example and its condition.
      z: the latents, or None to draw them.
      noise: the key of dropout, for training; None evaluates.

    Raises:
      TypeError, ValueError: if a part is no distribution, or the events of the parts differ.
    """
    run = trace_parts if model.trace is None else model.trace
    t = run(model, params, key, x, c, z, noise)
    check_posterior(joined(t.q), joined(t.p), key)
    check_likelihood(t.likelihood, x, key)
    return t


def trace_parts(
    model: "VAE",
    params: Params,
    key: Key,
    x: Event,
    c: Event = None,
    z: Event = None,
    noise: Key | None = None,
) -> Trace:
    """The trace made of `encode`, `prior` and `decode`; dropout noise is each part's own."""
    encode_key, decode_key, prior_key = (None,) * 3 if noise is None else jax.random.split(noise, 3)
    q, q_entries = parted(model.encode(params, x, c, encode_key))
    p, p_entries = parted(model.prior(params, c, prior_key))
    check_distribution("What encode(x) returns", q)
    check_distribution("The prior", p)
    z, q, log_q = drawn(q, key) if z is None else (z, at(q, z), scored(q, z))
    likelihood, entries = parted(model.decode(params, z, c, decode_key))
    return Trace(z, q, at(p, z), likelihood, log_q, merge_entries(q_entries, p_entries, entries))


def drawn(q: Distribution, key: Key) -> tuple[Event, Distribution | Layers, Array | dict]:
    """z ~ q, what it was drawn from, and log q of the draw."""
    if isinstance(q, Layered):
        return q.draw(key)
    z, log_q = q.sample_and_log_prob(key)
    return z, q, log_q


def at(d: Distribution, z: Event) -> Distribution | Layers:
    """The conditionals at z, of several latents; of one, its distribution."""
    return d.layers(z) if isinstance(d, Layered) else d


def scored(d: Distribution, z: Event) -> Array | dict[str, Array]:
    """log d(z), of each latent."""
    if isinstance(d, Layered):
        return {name: layer.log_prob(z[name]) for name, layer in d.layers(z).items()}
    return d.log_prob(z)


def joined(d: Distribution | Layers) -> Distribution:
    """The conditionals at a draw side by side, as one distribution over all latents."""
    return d if isinstance(d, Distribution) else Joint(dict(d))


def log_prior(t: Trace) -> Array:
    """log p(z), the sum over the latents, [] nats."""
    return joined(t.p).log_prob(t.z)


def log_posterior(t: Trace) -> Array:
    """log q(z|x), the sum over the latents, [] nats."""
    return total(t.log_q) if isinstance(t.log_q, dict) else t.log_q


def latents(q: Distribution | Layers) -> dict[str, Distribution]:
    """What each latent is drawn from, of a `Joint` of a dict too; of a model of one, {"z": q}."""
    if isinstance(q, Joint) and isinstance(q.parts, Mapping):
        return {name: part if is_part(part) else Joint(part) for name, part in q.parts.items()}
    if isinstance(q, Hamiltonian | RiemannianHamiltonian):
        return {name: Part(q, name) for name in ("latent", "momentum")}
    return {"z": q} if isinstance(q, Distribution) else dict(q)
