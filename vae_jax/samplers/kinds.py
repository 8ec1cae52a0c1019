"""What a prior may be fitted by, for a command and for what is read of a run again."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from vae_jax import evaluate, networks
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, with_code_prior
from vae_jax.objectives import batch_size as size_of
from vae_jax.objectives import sampled_rate
from vae_jax.samplers.fitted import FittedPrior, with_fitted_prior
from vae_jax.samplers.flow import fit_flow, fitted_flow
from vae_jax.samplers.gaussian_mixture import fit_gaussian_mixture, mixture_of
from vae_jax.samplers.nearest import nearest, nearest_of
from vae_jax.samplers.two_stage import fit_second_stage, second_stage, two_stage
from vae_jax.train import fit_code_prior
from vae_jax.types import Batch, Key, Params

Fit = Callable[[Key, VAE, Params, Batch], Params]


_BATCH = 100  # examples of which the indices are fitted together, at most


class Kind(NamedTuple):
    """A prior to be fitted, or that was.

    Fields:
      fit: (key, model, params, training examples) -> the parameter group "prior".
      apply: a VAE -> the VAE with it.
      rate: of its bound; None where it has no density.
      note: what is to be said of its numbers.
    """

    fit: Fit
    apply: Callable[[VAE], VAE]
    rate: Rate | None = sampled_rate
    note: str = ""


def gaussian_mixture(size: int, *, components: int = 10) -> Kind:
    """A mixture of Gaussians with every covariance, by scikit-learn's EM."""
    del size

    def fit(key: Key, z: Any) -> Params:
        del key  # EM begins at k-means, of seed 0
        return fit_gaussian_mixture(z, components).params

    apply = lambda model: with_fitted_prior(model, FittedPrior(None, mixture_of))  # noqa: E731
    return Kind(_of_draws(fit), apply)


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
    return Kind(_of_draws(fit), apply, None, note)


def of_two_stages(size: int, *, width: int = 256, epochs: int = 100) -> Kind:
    """A second VAE of the latents."""
    second = second_stage(size, (width, width))

    def fit(key: Key, z: Any) -> Params:
        return fit_second_stage(key, z, second, epochs=epochs)

    note = "log p(z) is known by its bound alone: the ELBO is that of both stages."
    return Kind(_of_draws(fit), lambda model: two_stage(model, second), note=note)


def of_codes(
    size: int, *, num_codes: int, layers: int = 2, width: int = 64, epochs: int = 10
) -> Kind:
    """The indices of codes one after the other, by a causal Transformer."""
    indices = networks.CodeTransformer(size, num_codes, width, layers)

    def fit(key: Key, model: VAE, params: Params, data: Batch) -> Params:
        how: Any = {"epochs": epochs, "batch_size": min(_BATCH, size_of(data))}
        group: Params = fit_code_prior(model, params, data, key=key, prior=indices, **how).params
        return group["prior"]

    return Kind(fit, lambda model: with_code_prior(model, indices))


FITS: dict[str, Callable[..., Kind]] = {
    "gaussian_mixture": gaussian_mixture,
    "maf": maf,
    "iaf": iaf,
    "nearest": of_neighbours,
    "two_stage": of_two_stages,
    "codes": of_codes,
}


def _flow(size: int, flow: Any, epochs: int) -> Kind:
    def fit(key: Key, z: Any) -> Params:
        return fit_flow(key, z, flow, epochs=epochs).params

    apply = lambda model: with_fitted_prior(model, fitted_flow(flow, size, None))  # noqa: E731
    return Kind(_of_draws(fit), apply)


def _of_draws(fit: Callable[[Key, Any], Params]) -> Fit:
    """Of a draw of the posterior of each example, [N, D]."""

    def of_examples(key: Key, model: VAE, params: Params, data: Batch) -> Params:
        draw_key, fit_key = jax.random.split(key)
        return fit(fit_key, evaluate.aggregate_draws(model, params, draw_key, data))

    return of_examples
