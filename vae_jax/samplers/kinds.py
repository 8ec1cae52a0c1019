"""What a prior may be fitted by, for a command and for what is read of a run again."""

from collections.abc import Callable
from typing import Any, NamedTuple

from vae_jax import networks
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import sampled_rate
from vae_jax.samplers.fitted import FittedPrior, with_fitted_prior
from vae_jax.samplers.flow import fit_flow, fitted_flow
from vae_jax.samplers.gaussian_mixture import fit_gaussian_mixture, mixture_of
from vae_jax.samplers.nearest import nearest, nearest_of
from vae_jax.samplers.two_stage import fit_second_stage, second_stage, two_stage
from vae_jax.types import Key, Params


class Kind(NamedTuple):
    """A prior to be fitted, or that was.

    Fields:
      fit: (key, z [N, D]) -> the parameter group "prior".
      apply: a VAE -> the VAE with it.
      rate: of its bound; None where it has no density.
      note: what is to be said of its numbers.
    """

    fit: Callable[[Key, Any], Params]
    apply: Callable[[VAE], VAE]
    rate: Rate | None = sampled_rate
    note: str = ""


def gaussian_mixture(size: int, *, components: int = 10) -> Kind:
    """A mixture of Gaussians with every covariance, by scikit-learn's EM."""
    del size

    def fit(key: Key, z: Any) -> Params:
        del key  # EM begins at k-means, of seed 0
        return fit_gaussian_mixture(z, components).params

    return Kind(fit, lambda model: with_fitted_prior(model, FittedPrior(None, mixture_of)))


def maf(size: int, *, layers: int = 4, width: int = 64, epochs: int = 50) -> Kind:
    """A normal through masked autoregressive flows."""
    return _flow(size, networks.maf(size, layers, (width,)), epochs)


def iaf(size: int, *, layers: int = 4, width: int = 64, epochs: int = 50) -> Kind:
    """A normal through inverse autoregressive flows: fast to draw from, slow to fit."""
    return _flow(size, networks.iaf(size, layers, (width,)), epochs)


def of_neighbours(size: int, *, neighbours: int = 5) -> Kind:
    """Draws between draws of the posteriors and their nearest neighbours."""
    del size

    def fit(key: Key, z: Any) -> Params:
        del key
        return nearest(z, neighbours).params

    note = "It has no density, so there is no bound and no likelihood, and the rate is not known."
    apply = lambda model: with_fitted_prior(model, FittedPrior(None, nearest_of))  # noqa: E731
    return Kind(fit, apply, None, note)


def of_two_stages(size: int, *, width: int = 256, epochs: int = 100) -> Kind:
    """A second VAE of the latents."""
    second = second_stage(size, (width, width))

    def fit(key: Key, z: Any) -> Params:
        return fit_second_stage(key, z, second, epochs=epochs)

    note = "log p(z) is known by its bound alone: the ELBO is that of both stages."
    return Kind(fit, lambda model: two_stage(model, second), note=note)


FITS: dict[str, Callable[..., Kind]] = {
    "gaussian_mixture": gaussian_mixture,
    "maf": maf,
    "iaf": iaf,
    "nearest": of_neighbours,
    "two_stage": of_two_stages,
}


def _flow(size: int, flow: Any, epochs: int) -> Kind:
    def fit(key: Key, z: Any) -> Params:
        return fit_flow(key, z, flow, epochs=epochs).params

    return Kind(fit, lambda model: with_fitted_prior(model, fitted_flow(flow, size, None)))
