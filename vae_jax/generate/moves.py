"""Latents that move: along one dimension, or from one place to another."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import jax
import jax.numpy as jnp

from vae_jax import hosts
from vae_jax.calls import check_takes
from vae_jax.checks import event_shape
from vae_jax.distributions import Distribution, Layered
from vae_jax.distributions.means import has_mean, mean_or_draw
from vae_jax.models import VAE
from vae_jax.types import Array, Event, Key, Params

Path: TypeAlias = Callable[[Array, Array, Array], Array]  # start, end, t in [0, 1] -> z


def traverse(
    model: VAE,
    params: Params,
    z: Array,
    dimension: int,
    values: Array,
    c: Event = None,
    *,
    latent: str | None = None,
    key: Key | None = None,
) -> Event:
    """The mean of p(x|z,c) as one latent dimension runs through `values`, the others as in z.

    Args:
      z: the latent, an array; of a model with several, the one called `latent`. The rest follow:
        the prior completes them, each at the mean given those drawn before it; of a prior that is
        not `Layered`, at its mean.
      dimension: of z, counted through all its axes.
      latent: the name of it, of a model with several.
      key: of the draws, all from the same noise, where p(x|z,c), or the prior of the rest, has no
        mean; without a key that is a TypeError.

    Returns:
      [len(values), ...].

    Raises:
      ValueError: no such dimension, no such latent, or z not of its shape.
    """
    z = jnp.asarray(z)
    if not 0 <= dimension < z.size:
        raise ValueError(f"dimension must be in 0 .. {z.size - 1}; got {dimension}.")
    values = jnp.asarray(values)
    moved = jnp.broadcast_to(z.ravel(), (values.size, z.size)).at[:, dimension].set(values)
    moved = moved.reshape(values.size, *z.shape)
    return hosts.here(_decode(model, params, moved, c, latent, key))


def linear(start: Array, end: Array, t: Array) -> Array:
    """(1 - t) start + t end: `start` at t = 0, `end` at t = 1."""
    return (1 - t) * start + t * end


def spherical(start: Array, end: Array, t: Array) -> Array:
    """The great arc from `start` at t = 0 to `end` at t = 1, w the angle between them.

        z(t) = ( sin((1 - t) w) start + sin(t w) end ) / sin w

    Between two draws of a standard Gaussian in many dimensions, all z(t) have about the norm of a
    draw; the middle of the straight line has 1/sqrt(2) of it. Where there is no one arc (a zero
    vector; one direction, or two opposite ones), this is `linear`. Its derivatives are finite
    everywhere.

    Reference: White 2016, arXiv 1609.04468.
    """
    straight = linear(start, end, t)
    u, v = _direction(start), _direction(end)
    # not arccos(u.v), which keeps but half of the digits near 0 and pi
    nowhere = (_norm(u) == 0) & (_norm(v) == 0)
    angle = 2 * jnp.arctan2(_norm(u - v), jnp.where(nowhere, 1, _norm(u + v)))
    sine = jnp.sin(angle)
    no_arc = (_norm(u) == 0) | (_norm(v) == 0) | (sine < 1e-4)
    arc = jnp.sin((1 - t) * angle) * start + jnp.sin(t * angle) * end
    arc = arc / jnp.where(no_arc, 1, sine)
    # at an end the arc would be rounded, but its derivative is that of the path
    ends = jax.lax.stop_gradient(straight) + (arc - jax.lax.stop_gradient(arc))
    arc = jnp.where((t == 0) | (t == 1), ends, arc)
    return jnp.where(no_arc, straight, arc)


def interpolate(
    model: VAE,
    params: Params,
    start: Array,
    end: Array,
    num: int,
    c: Event = None,
    *,
    path: Path = linear,
    latent: str | None = None,
    key: Key | None = None,
) -> Event:
    """The mean of p(x|z,c) at `num` places z along a path, evenly spaced in t, ends included.

    Args:
      start, end: two latents of one shape; of a model with several, two of the one called `latent`.
        The rest follow, as in `traverse`.
      c: one condition for all of them, or None.
      path: `linear`, `spherical` (for a standard Gaussian prior), or your (start, end, t) -> z.
      latent: the name of it, of a model with several.
      key: as in `traverse`.

    Returns:
      [num, ...].

    Raises:
      ValueError: latents of different shapes, or not of the model's; no such latent; fewer than
        two places.
    """
    start, end = jnp.asarray(start), jnp.asarray(end)
    if start.shape != end.shape:
        raise ValueError(
            f"start and end must be latents of one shape; got {start.shape} and {end.shape}."
        )
    if num < 2:
        raise ValueError(f"num must be at least 2, the two ends; got {num}.")
    check_takes("path", path, "start", "end", "t")
    places = jnp.linspace(0.0, 1.0, num)
    z = jax.vmap(path, in_axes=(None, None, 0))(start, end, places)
    return hosts.here(_decode(model, params, z, c, latent, key))


@partial(jax.jit, static_argnames=("model", "latent"))
def _decode(
    model: VAE, params: Params, z: Array, c: Event, latent: str | None, key: Key | None
) -> Event:
    """The mean of p(x|z,c), or with a key its draw, for each z of [N, ...] and one c.

    The other latents are completed.
    """
    prior = model.prior(params, c)
    _check_latent(prior, latent, z.shape[1:])
    rest_key, x_key = (None, None) if key is None else jax.random.split(key)

    def one(z: Event) -> Event:
        z = z if latent is None else _completed(prior, {latent: z}, rest_key)
        likelihood = model.decode(params, z, c)
        return likelihood.mean() if x_key is None else mean_or_draw(likelihood, x_key)

    return jax.vmap(one)(z)


def _check_latent(prior: Distribution, latent: str | None, shape: tuple[int, ...]) -> None:
    """ValueError unless z of this shape is the latent, or of several the one that is named."""
    event = event_shape(prior, jax.random.key(0))
    if isinstance(event, Mapping) != (latent is not None):
        raise ValueError(
            "A model with several latents is moved in one of them, and a model with one has no name"
            f" for it: pass latent=..., or leave it out; got latent={latent!r}, and a z of the"
            f" shape {event}."
        )
    if latent is not None and latent not in event:
        raise ValueError(f"The model's latents are {', '.join(sorted(event))}; got {latent!r}.")
    own = event if latent is None else event[latent]
    if own != shape:
        raise ValueError(f"z is of the shape {shape}; the model's {latent or 'z'} is of {own}.")


def _completed(prior: Distribution, known: dict[str, Array], key: Key | None) -> Event:
    """All latents: those that are known, and the rest at their means, or, if a prior without a mean
    is given a key, drawn."""
    key = None if has_mean(prior) else key
    if isinstance(prior, Layered):
        return prior.complete(known, key)
    return {**(prior.mean() if key is None else mean_or_draw(prior, key)), **known}


def _direction(z: Array) -> Array:
    """z / |z|, or 0 for z = 0."""
    norm = _norm(z)
    return z / jnp.where(norm > 0, norm, 1)


def _norm(z: Array) -> Array:
    """|z|, without overflow; its derivative at z = 0 is 0."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(z)))
    there = largest > 0
    scale = jnp.where(there, largest, 1)
    squares = jnp.where(there, jnp.sum((z / scale) ** 2), 1)
    return jnp.where(there, scale * jnp.sqrt(squares), 0)
