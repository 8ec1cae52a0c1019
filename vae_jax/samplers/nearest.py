"""Draws between draws of the aggregate posterior and their nearest neighbours."""

from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.checks import check_count
from vae_jax.distributions import Distribution
from vae_jax.extras import lacking
from vae_jax.samplers.fitted import FittedPrior, vectors
from vae_jax.types import Array, Key, Params


class Nearest(Distribution):
    """z = z_n + t (z_m - z_n): a draw that was kept, and one of its neighbours; t ~ U(0, 1).

    A sampler: its mass lies on lines, so it has no density, and bounds and likelihoods of a model
    with this prior are refused.

    Args:
      draws: [N, D].
      neighbours: the places of the k nearest of each, [N, k], whole numbers.
    """

    draws: Array
    neighbours: Array

    reparameterized = False

    def _sample(self, key: Key) -> Array:
        own_key, other_key, between_key = jax.random.split(key, 3)
        n = jax.random.randint(own_key, (), 0, len(self.draws))
        k = jax.random.randint(other_key, (), 0, self.neighbours.shape[1])
        t = jax.random.uniform(between_key, dtype=self.draws.dtype)
        return self.draws[n] + t * (self.draws[self.neighbours[n, k]] - self.draws[n])

    def _log_prob(self, value: Array) -> Array:
        raise TypeError(
            "Nearest has no density: it draws samples alone, and bounds and likelihoods under it"
            " are refused. Fit a prior with one: fit_gaussian_mixture, or fit_flow."
        )

    def _promoted(self) -> Self:
        return self  # its whole numbers are places


def nearest(z: Any, num_neighbours: int = 5) -> FittedPrior:
    """A sampler between draws and their nearest neighbours.

    Args:
      z: draws of the aggregate posterior, [N, D].
      num_neighbours: of each draw, fewer than N.

    Raises:
      ImportError: scikit-learn is not installed.
      ValueError: no such draws, or not so many.

    Reference: Chawla et al. 2002, arXiv 1106.1813 (SMOTE), which fills up data so.
    """
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError as error:
        raise lacking("A search for neighbours", "scikit-learn", "experiments") from error
    found = vectors(z)
    check_count("num_neighbours", num_neighbours)
    if num_neighbours >= len(found):
        raise ValueError(f"{num_neighbours} neighbours need more draws than {len(found)}.")
    search = NearestNeighbors(n_neighbors=num_neighbours).fit(found)
    places = search.kneighbors(return_distance=False)  # of each but itself
    params = {"draws": jnp.asarray(found, float), "neighbours": jnp.asarray(places, np.int32)}
    return FittedPrior(params, nearest_of)


def nearest_of(params: Params) -> Nearest:
    """The sampler of its numbers."""
    return Nearest(params["draws"], params["neighbours"])
