"""What the latents know of the data."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.bounds.draws import draw_keys
from vae_jax.distributions.means import mean_or_draw
from vae_jax.evaluate.examples import over_examples
from vae_jax.evaluate.support import check_support
from vae_jax.models import VAE, latents, trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


class ActiveUnits(NamedTuple):
    """How many latent dimensions carry information about x, and by which measure."""

    number: int
    variance: np.ndarray  # Var_x( E_q[z_d|x] ), [D]
    threshold: float
    num_examples: int


def active_units(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int = 100,
    threshold: float = 0.01,
    batch_size: int = 100,
) -> dict[str, ActiveUnits]:
    """The active units of each latent: its dimensions d with Var_x( E_q[z_d|x] ) > threshold.

        E_q[z_l|x] = E[ E[z_l | x, latents drawn before] ]

    State with them the threshold and the data: the count depends on both. The variance is over the
    examples given, divided by N - 1. The outer expectation is a mean over K draws of the latents
    before; where a posterior has no mean, the inner one is a draw as well. The noise of the K draws
    is taken off the variance over x: the estimate's mean is the variance itself, and of a unit that
    is not active it may be a little below zero. A first latent with a mean has no noise.

    Args:
      model, params: the VAE.
      key: one key for the whole evaluation.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K.
      threshold: of the variance.
      batch_size: how many examples at once, K draws of each.

    Returns:
      {name: ActiveUnits(number, variance, threshold, num_examples)}; "z" of a model of one latent.

    Raises:
      ValueError: fewer than two examples, or than two draws; as `check_support`.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5.2 (threshold 0.01).
    """
    _check_two(data)
    if num_samples < 2:
        raise ValueError(f"The noise of {num_samples} draw is unknown: num_samples=2 at least.")
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples}
    moments = over_examples(_latent_means, model, params, key, data, batch_size, iter, options)
    units = {}
    for name, (means, noise) in moments.items():  # [N, D] each
        over_x = means.var(axis=0, ddof=1, dtype=np.float64)
        variance = over_x - noise.mean(axis=0, dtype=np.float64) / num_samples
        number = int((variance > threshold).sum())
        units[name] = ActiveUnits(number, variance, threshold, len(means))
    return units


def posterior_means(model: VAE, params: Params, data: Batch, *, batch_size: int = 500) -> Event:
    """E_q[z|x] of each example, [N, ...]: an embedding of the data.

    Raises:
      ValueError: as `check_support`: what the model cannot score, it was not trained to read.
      TypeError: a posterior without a mean.
    """
    check_support(model, params, data, batch_size=batch_size)
    key = jax.random.key(0)  # unused: a mean draws nothing
    return over_examples(_posterior_mean, model, params, key, data, batch_size, iter, {})


def embeddings(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    batch_size: int = 500,
    progress: Progress = iter,
) -> Event:
    """z of each example, [N, ...], to be looked at: the mean of its posterior; a draw, where it has
    none, of a `Joint` part by part. (`generate.read` says which.) ValueError as `posterior_means`.
    """
    check_support(model, params, data, batch_size=batch_size)
    return over_examples(_mean_or_draw, model, params, key, data, batch_size, progress, {})


def aggregate_draws(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    batch_size: int = 500,
    progress: Progress = iter,
) -> Event:
    """One draw z ~ q(z|x) for each example, [N, ...]: N draws of the aggregate posterior.

        q(z) = 1/N sum_n q(z|x_n)

    What a prior is fitted to after training (`samplers`): the means of the posteriors are narrower
    than q(z). ValueError as `posterior_means`.
    """
    check_support(model, params, data, batch_size=batch_size)
    return over_examples(_draw, model, params, key, data, batch_size, progress, {})


def _draw(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Event:
    return model.encode(params, x, c).sample(key)


def _mean_or_draw(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Event:
    return mean_or_draw(model.encode(params, x, c), key)


def _posterior_mean(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Event:
    del key
    return model.encode(params, x, c).mean()


def _latent_means(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int
) -> dict[str, tuple[Array, Array]]:
    """Of each latent the mean, and the variance, over K draws of E[z_l | drawn before], [D]."""

    def means(k: Key) -> dict[str, Array]:
        found = latents(trace(model, params, k, x, c).q)
        return {name: _flat(mean_or_draw(q, k)) for name, q in found.items()}

    over_draws = jax.vmap(means)(draw_keys(key, num_samples))  # [K, D] each
    return {
        name: (jnp.mean(m, axis=0), jnp.var(m, axis=0, ddof=1)) for name, m in over_draws.items()
    }


def _flat(z: Event) -> Array:
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(z)])


def _check_two(data: Batch) -> None:
    if size_of(data) < 2:
        raise ValueError(f"Active units need two examples at least; got {size_of(data)}.")
