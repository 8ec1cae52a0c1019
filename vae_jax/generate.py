"""Looking at a model: samples, reconstructions, traversals, interpolations.

Two things may be drawn, or have their means taken: z of q(z|x) (`draw_z`) and x of p(x|z)
(`draw_x`). The mean of p(x|z) is smooth and is not a sample. What has no mean is drawn (a flow
posterior, a Categorical; of a Joint, the parts that have none), and `read` says what.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from vae_jax.distributions import Distribution, Gaussian
from vae_jax.distributions.means import mean_or_draw, read_as
from vae_jax.models import VAE
from vae_jax.types import Array, Event, Key, Params

Path: TypeAlias = Callable[[Array, Array, Array], Array]  # start, end, t in [0, 1] -> z


class Read(NamedTuple):
    """How z and x are read where a mean is asked for: as the "mean"; as a "draw", where there is no
    mean; as "both", where some parts of a `Joint` have none."""

    z: str
    x: str


def read(model: VAE, params: Params, x: Event, c: Event = None) -> Read:
    """How the posterior and the likelihood of one example x are read; nothing is computed."""
    found = []

    def look(params: Params, x: Event, c: Event) -> None:
        q = model.encode(params, x, c)
        likelihood = model.decode(params, q.sample(jax.random.key(0)), c)
        found.append(Read(read_as(q), read_as(likelihood)))

    jax.eval_shape(look, params, x, c)
    return found[-1]


def sample(
    model: VAE,
    params: Params,
    key: Key,
    num: int,
    c: Event = None,
    *,
    draw_x: bool = False,
    temperature: float = 1.0,
) -> Event:
    """`num` new examples: z ~ p(z|c), then the mean of p(x|z,c), or x ~ p(x|z,c).

    Args:
      draw_x: draw x.
      c: one condition for each sample, [num, ...], or None.
      temperature: T, for a Gaussian prior: z ~ N(loc, (T scale)^2), its mean for T = 0. Below 1 the
        samples are nearer to the usual ones, and no longer the model's.

    Returns:
      [num, ...].

    Raises:
      TypeError: T is not 1, and the prior is no Gaussian.
      ValueError: T is negative or not finite.

    Reference: Kingma, Dhariwal 2018, arXiv 1807.03039 (the temperature).
    """
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature must be finite and at least 0; got {temperature}.")
    return _sample(model, params, jax.random.split(key, num), c, draw_x, temperature)


def reconstruct(
    model: VAE,
    params: Params,
    key: Key,
    x: Event,
    c: Event = None,
    *,
    draw_z: bool = False,
    draw_x: bool = False,
) -> Event:
    """What the model makes of x [N, ...]: the mean of p(x|z,c) at the mean z of q(z|x,c).

    Args:
      draw_z: draw z from q(z|x,c).
      draw_x: draw x from p(x|z,c).

    Returns:
      [N, ...].
    """
    num = jax.tree.leaves(x)[0].shape[0]
    return _reconstruct(model, params, jax.random.split(key, num), x, c, draw_z, draw_x)


def traverse(
    model: VAE,
    params: Params,
    z: Array,
    dimension: int,
    values: Array,
    c: Event = None,
    *,
    key: Key | None = None,
) -> Event:
    """The mean of p(x|z,c) as one latent dimension runs through `values`, the others as in z [D].

    Args:
      key: of the draws, all from the same noise, where p(x|z,c) has no mean; without a key that is
        a TypeError.

    Returns:
      [len(values), ...].
    """
    if not 0 <= dimension < z.size:
        raise ValueError(f"dimension must be in 0 .. {z.size - 1}; got {dimension}.")
    values = jnp.asarray(values)
    z = jnp.broadcast_to(z, (values.size, z.size)).at[:, dimension].set(values)
    return _decode(model, params, z, c, key)


def linear(start: Array, end: Array, t: Array) -> Array:
    """(1 - t) start + t end: `start` at t = 0, `end` at t = 1."""
    return (1 - t) * start + t * end


def spherical(start: Array, end: Array, t: Array) -> Array:
    """The great arc from `start` at t = 0 to `end` at t = 1, w the angle between them.

        z(t) = ( sin((1 - t) w) start + sin(t w) end ) / sin w

    Between two draws of a standard Gaussian in many dimensions, all z(t) have about the norm of a
    draw; the middle of the straight line has 1/sqrt(2) of it. Where there is no one arc (a zero
    vector; one direction, or two opposite ones), this is `linear`.

    Reference: White 2016, arXiv 1609.04468.
    """
    straight = linear(start, end, t)
    u, v = _direction(start), _direction(end)
    # not arccos(u.v), which keeps but half of the digits near 0 and pi
    angle = 2 * jnp.arctan2(_norm(u - v), _norm(u + v))
    sine = jnp.sin(angle)
    no_arc = (_norm(u) == 0) | (_norm(v) == 0) | (sine < 1e-4)
    arc = jnp.sin((1 - t) * angle) * start + jnp.sin(t * angle) * end
    at_an_end = (t == 0) | (t == 1)  # where the arc would be rounded
    return jnp.where(no_arc | at_an_end, straight, arc / jnp.where(no_arc, 1, sine))


def interpolate(
    model: VAE,
    params: Params,
    start: Array,
    end: Array,
    num: int,
    c: Event = None,
    *,
    path: Path = linear,
    key: Key | None = None,
) -> Event:
    """The mean of p(x|z,c) at `num` places z along a path, evenly spaced in t, ends included.

    Args:
      start, end: two latents of one shape.
      c: one condition for all of them, or None.
      path: `linear`, `spherical` (for a standard Gaussian prior), or your (start, end, t) -> z.
      key: as in `traverse`.

    Returns:
      [num, ...].

    Raises:
      ValueError: latents of different shapes; fewer than two places.
    """
    start, end = jnp.asarray(start), jnp.asarray(end)
    if start.shape != end.shape:
        raise ValueError(
            f"start and end must be latents of one shape; got {start.shape} and {end.shape}."
        )
    if num < 2:
        raise ValueError(f"num must be at least 2, the two ends; got {num}.")
    places = jnp.linspace(0.0, 1.0, num)
    z = jax.vmap(path, in_axes=(None, None, 0))(start, end, places)
    return _decode(model, params, z, c, key)


@partial(jax.jit, static_argnames=("model", "draw_x", "temperature"))
def _sample(
    model: VAE, params: Params, keys: Key, c: Event, draw_x: bool, temperature: float
) -> Event:
    def one(key: Key, c: Event) -> Event:
        z_key, x_key = jax.random.split(key)
        z = _at_temperature(model.prior(params, c), temperature).sample(z_key)
        return _read(model.decode(params, z, c), x_key, draw_x)

    return jax.vmap(one)(keys, c)


@partial(jax.jit, static_argnames=("model", "draw_z", "draw_x"))
def _reconstruct(
    model: VAE, params: Params, keys: Key, x: Event, c: Event, draw_z: bool, draw_x: bool
) -> Event:
    def one(key: Key, x: Event, c: Event) -> Event:
        z_key, x_key = jax.random.split(key)
        z = _read(model.encode(params, x, c), z_key, draw_z)
        return _read(model.decode(params, z, c), x_key, draw_x)

    return jax.vmap(one)(keys, x, c)


@partial(jax.jit, static_argnames="model")
def _decode(model: VAE, params: Params, z: Array, c: Event, key: Key | None) -> Event:
    """The mean of p(x|z,c) for each z of [N, ...] and one c; with a key, or a draw of it."""

    def one(z: Array) -> Event:
        likelihood = model.decode(params, z, c)
        return likelihood.mean() if key is None else mean_or_draw(likelihood, key)

    return jax.vmap(one)(z)


def _direction(z: Array) -> Array:
    """z / |z|, or 0 for z = 0."""
    norm = _norm(z)
    return z / jnp.where(norm > 0, norm, 1)


def _norm(z: Array) -> Array:
    return jnp.sqrt(jnp.sum(z**2))


def _at_temperature(prior: Distribution, temperature: float) -> Distribution:
    if temperature == 1:
        return prior
    if not isinstance(prior, Gaussian):
        raise TypeError(
            f"A temperature scales the deviations of a Gaussian prior; a {type(prior).__name__} has"
            " none to scale. Draw z yourself and decode it, model.decode(params, z, c), or leave"
            " temperature at 1."
        )
    return Gaussian(prior.loc, prior.log_scale + jnp.log(temperature))  # log 0 = -inf: the mean


def _read(distribution: Distribution, key: Key, draw: bool) -> Event:
    return distribution.sample(key) if draw else mean_or_draw(distribution, key)
