"""What the latents know of the data."""

from typing import NamedTuple

import jax
import numpy as np

from vae_jax.evaluate.examples import over_examples
from vae_jax.model import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Batch, Event, Key, Params


class ActiveUnits(NamedTuple):
    """How many latent dimensions carry information about x, and by which measure."""

    number: int
    variance: np.ndarray  # Var_x( E_q[z_d|x] ), [D]
    threshold: float
    num_examples: int


def active_units(
    model: VAE, params: Params, data: Batch, *, threshold: float = 0.01, batch_size: int = 500
) -> ActiveUnits:
    """The number of latent dimensions d with Var_x( E_q[z_d|x] ) > threshold.

    State with it the threshold and the data: the count depends on both. The posterior mean's
    variance is over the examples given, divided by N - 1.

    Raises:
      ValueError: fewer than two examples, which have no variance.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5.2 (threshold 0.01).
    """
    if size_of(data) < 2:
        raise ValueError(f"Active units need two examples at least; got {size_of(data)}.")
    means = posterior_means(model, params, data, batch_size=batch_size)
    flat = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(means)], axis=1)
    variance = flat.var(axis=0, ddof=1)
    return ActiveUnits(int((variance > threshold).sum()), variance, threshold, len(flat))


def posterior_means(model: VAE, params: Params, data: Batch, *, batch_size: int = 500) -> Event:
    """E_q[z|x] of each example, [N, ...]: an embedding of the data."""
    key = jax.random.key(0)  # unused: a mean draws nothing
    return over_examples(_posterior_mean, model, params, key, data, batch_size, iter, {})


def _posterior_mean(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Event:
    del key
    return model.encode(params, x, c).mean()
