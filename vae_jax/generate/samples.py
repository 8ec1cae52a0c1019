"""New examples, and what the model makes of those that are there."""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax import devices
from vae_jax.batches import in_batches
from vae_jax.bounds.draws import by_itself
from vae_jax.distributions import Distribution, Gaussian
from vae_jax.distributions.means import mean_or_draw, read_as
from vae_jax.models import VAE
from vae_jax.types import Event, Key, Params, Progress


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
    batch_size: int = 500,
    progress: Progress = iter,
) -> Event:
    """`num` new examples: z ~ p(z|c), then the mean of p(x|z,c), or x ~ p(x|z,c).

    Args:
      draw_x: draw x.
      c: one condition for each sample, [num, ...], or None.
      temperature: T, for a Gaussian prior: z ~ N(loc, (T scale)^2), its mean for T = 0. Below 1 the
        samples are nearer to the usual ones, and no longer the model's.
      batch_size: how many at once, at most: fewer where they would not fit in an eighth of the
        memory. What is drawn does not depend on it.
      progress: wraps the loop over batches.

    Returns:
      [num, ...], on the host.

    Raises:
      TypeError: T is not 1, and the prior is no Gaussian.
      ValueError: T is negative or not finite; not one condition for each sample.

    Reference: Kingma, Dhariwal 2018, arXiv 1807.03039 (the temperature).
    """
    if not (math.isfinite(temperature) and temperature >= 0):
        raise ValueError(f"temperature must be finite and at least 0; got {temperature}.")
    _check_conditions(c, num)
    each = {"key": jax.random.split(by_itself(key), num), "c": c}
    params = devices.everywhere(params, devices.of_all())

    def given(rows: Event, draws: int) -> tuple[Any, ...]:
        del draws  # one of each
        return model, params, rows["key"], rows["c"], draw_x, temperature

    return in_batches(_sample, given, each, batch_size, progress=progress)


def reconstruct(
    model: VAE,
    params: Params,
    key: Key,
    x: Event,
    c: Event = None,
    *,
    draw_z: bool = False,
    draw_x: bool = False,
    batch_size: int = 500,
    progress: Progress = iter,
) -> Event:
    """What the model makes of x [N, ...]: the mean of p(x|z,c) at the mean z of q(z|x,c).

    Args:
      draw_z: draw z from q(z|x,c).
      draw_x: draw x from p(x|z,c).
      batch_size, progress: as of `sample`.

    Returns:
      [N, ...], on the host.

    Raises:
      ValueError: not one condition for each example.
    """
    num = jax.tree.leaves(x)[0].shape[0]
    _check_conditions(c, num)
    each = {"key": jax.random.split(by_itself(key), num), "x": x, "c": c}
    params = devices.everywhere(params, devices.of_all())

    def given(rows: Event, draws: int) -> tuple[Any, ...]:
        del draws
        return model, params, rows["key"], rows["x"], rows["c"], draw_z, draw_x

    return in_batches(_reconstruct, given, each, batch_size, progress=progress)


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


def _check_conditions(c: Event, num: int) -> None:
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(c)]
    if any(shape[:1] != (num,) for shape in shapes):
        raise ValueError(
            f"c needs one condition for each of {num} examples, [{num}, ...]; got the shapes"
            f" {shapes}. One label for all of them is jnp.full({num}, label)."
        )


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
