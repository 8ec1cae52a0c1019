"""Priors that are fitted after training, to draws of the aggregate posterior q(z).

fit_gaussian_mixture, fit_flow   densities: every bound and likelihood of the model is of them
nearest                          draws between draws of q(z): samples alone, no density
two_stage                        a second VAE of z: log p(z) is known by its bound

A sampler is a prior: `FittedPrior.distribution` goes into `with_prior`, and `with_fitted_prior`
keeps its numbers among the model's parameters.
"""

from vae_jax.samplers.fitted import FittedPrior, with_fitted_prior
from vae_jax.samplers.flow import fit_flow
from vae_jax.samplers.gaussian_mixture import fit_gaussian_mixture
from vae_jax.samplers.kinds import FITS, Kind
from vae_jax.samplers.nearest import Nearest, nearest
from vae_jax.samplers.options import FitOptions, kept_of, kind_from
from vae_jax.samplers.two_stage import fit_second_stage, second_stage, two_stage

__all__ = [
    "FITS",
    "FitOptions",
    "FittedPrior",
    "Kind",
    "Nearest",
    "fit_flow",
    "fit_gaussian_mixture",
    "fit_second_stage",
    "kept_of",
    "kind_from",
    "nearest",
    "second_stage",
    "two_stage",
    "with_fitted_prior",
]
