"""Objectives: what is descended, of a model and the rate of its bound (None: there is no bound)."""

import jax.numpy as jnp
import optax

from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.bounds.functionals import Bound
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, learned
from vae_jax.objectives import (
    Aux,
    Objective,
    Term,
    distortion,
    importance_weighted,
    per_group,
    weighted_sum,
)
from vae_jax.types import Array, Batch, Key, Params

_BETA = (0.0, 1e6)
GRADIENTS = {"plain": False, "score-free": True}


def linear(beta: float, steps: int) -> optax.Schedule:
    """From 0 to beta, then beta."""
    return optax.linear_schedule(0.0, beta, steps)


def cyclical(beta: float, steps: int) -> optax.Schedule:
    """From 0 to beta, as long beta, and again (Fu et al. 2019, arXiv 1903.10145)."""

    def weight(step: Array) -> Array:
        return beta * jnp.minimum(jnp.mod(step, 2 * steps) / steps, 1.0)

    return weight


RISES = {"linear": linear, "cyclical": cyclical}


def elbo(
    model: VAE,
    rate: Rate | None,
    *,
    draws: int = 1,
    gradient: str = "plain",
    beta: float = 1.0,
    beta_warmup: int = 0,
    beta_rise: str = "linear",
) -> Objective:
    """The evidence lower bound, its rate weighted by beta."""
    if beta_warmup:
        check_count("beta_warmup", beta_warmup)
    elif beta_rise != "linear":
        raise ValueError(f"beta_rise={beta_rise!r} needs the steps of a rise: beta_warmup=1000.")
    if rate is None:
        return _distortion(model, draws, gradient, beta, beta_warmup)
    check_count("draws", draws)
    check_within("beta", beta, *_BETA)
    if one_of("gradient", GRADIENTS, gradient):
        if (beta, beta_warmup) != (1.0, 0):
            raise ValueError("gradient='score-free' is of the bound itself: leave beta at 1.")
        return importance_weighted(model, elbo_bound(), num_draws=draws, score_free=True)
    weight: float | optax.Schedule = beta
    if beta_warmup:
        weight = one_of("beta_rise", RISES, beta_rise)(beta, beta_warmup)
    terms = (Term("distortion", distortion), Term("rate", rate, weight))
    return weighted_sum(model, terms, num_samples=draws)


def iwae(model: VAE, rate: Rate | None, *, draws: int = 5, gradient: str = "plain") -> Objective:
    """The importance-weighted bound of all draws (Burda et al. 2015)."""
    check_count("draws", draws)
    return _weighted(model, rate, iwae_bound(), draws, gradient)


def miwae(
    model: VAE,
    rate: Rate | None,
    *,
    draws: int = 8,
    groups: int = 8,
    gradient: str = "plain",
) -> Objective:
    """The mean of importance-weighted bounds of groups of draws (Rainforth et al. 2018)."""
    check_count("draws", draws)
    check_count("groups", groups)
    return _weighted(model, rate, miwae_bound(groups), groups * draws, gradient)


def piwae(model: VAE, rate: Rate | None, *, draws: int = 8, groups: int = 8) -> Objective:
    """The encoder follows miwae, all else iwae of all draws (Rainforth et al. 2018)."""
    loose = miwae(model, rate, draws=draws, groups=groups)
    tight = iwae(model, rate, draws=groups * draws)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        own = {name: loose if name == "encoder" else tight for name in learned(params)}
        return per_group(own)(params, key, batch, step)

    return objective


def ciwae(
    model: VAE,
    rate: Rate | None,
    *,
    draws: int = 5,
    mix: float = 0.5,
    gradient: str = "plain",
) -> Objective:
    """The evidence lower bound and iwae, mixed (Rainforth et al. 2018)."""
    check_count("draws", draws)
    check_within("mix", mix, 0.0, 1.0)
    return _weighted(model, rate, ciwae_bound(mix), draws, gradient)


OBJECTIVES: Rows = {
    "elbo": elbo,
    "iwae": iwae,
    "miwae": miwae,
    "piwae": piwae,
    "ciwae": ciwae,
}


def _weighted(
    model: VAE, rate: Rate | None, bound: Bound, num_draws: int, gradient: str
) -> Objective:
    if rate is None:
        raise ValueError("A point has no bound: with posterior='point' choose objective='elbo'.")
    score_free = one_of("gradient", GRADIENTS, gradient)
    return importance_weighted(model, bound, num_draws=num_draws, score_free=score_free)


def _distortion(model: VAE, draws: int, gradient: str, beta: float, warmup: int) -> Objective:
    if (draws, gradient, beta, warmup) != (1, "plain", 1.0, 0):
        raise ValueError(
            "posterior='point' has the distortion alone for its loss: leave draws, gradient, beta"
            " and beta_warmup out."
        )
    return weighted_sum(model, (Term("distortion", distortion),))
