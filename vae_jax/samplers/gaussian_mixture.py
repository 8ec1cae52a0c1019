"""A mixture of Gaussians, by expectation maximisation."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.checks import check_count
from vae_jax.distributions import FullGaussian, Mixture
from vae_jax.extras import lacking
from vae_jax.samplers.fitted import FittedPrior, vectors
from vae_jax.types import Params


def fit_gaussian_mixture(z: Any, num_components: int = 10, *, seed: int = 0) -> FittedPrior:
    """p(z) = sum_c pi_c N(z | mu_c, Sigma_c), by scikit-learn's EM.

    Args:
      z: draws of the aggregate posterior, [N, D].
      num_components: C, at most N.
      seed: of where EM begins.

    Raises:
      ImportError: scikit-learn is not installed.
      ValueError: no such draws, or fewer than components.

    Reference: Ghosh et al. 2020, arXiv 1903.12436 (ex-post density estimation).
    """
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise lacking("A mixture fitted by EM", "scikit-learn", "experiments") from error
    found = vectors(z)
    check_count("num_components", num_components)
    if num_components > len(found):
        raise ValueError(f"{num_components} components need as many draws; got {len(found)}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what it has after 100 rounds will do
        fitted = GaussianMixture(num_components, random_state=seed).fit(found)
    cholesky = np.linalg.cholesky(fitted.covariances_)  # [C, D, D]
    scale = np.diagonal(cholesky, axis1=1, axis2=2)
    numbers = {
        "logits": np.log(np.maximum(fitted.weights_, np.finfo(np.float32).tiny)),
        "loc": fitted.means_,
        "log_scale": np.log(scale),
        "lower": cholesky / scale[:, :, None],
    }
    return FittedPrior(jax.tree.map(lambda leaf: jnp.asarray(leaf, float), numbers), mixture_of)


def mixture_of(params: Params) -> Mixture:
    """The mixture of its numbers."""
    names = ("loc", "log_scale", "lower")
    return Mixture(params["logits"], jax.vmap(FullGaussian)(*(params[name] for name in names)))
