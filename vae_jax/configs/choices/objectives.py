"""Objectives: what is descended, of a model and the rate of its bound (None: there is no bound)."""

import optax

from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.bounds.functionals import Bound
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.rises import RISES, linear
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, learned
from vae_jax.objectives import (
    Aux,
    Objective,
    Term,
    Weight,
    categorical_rate,
    distortion,
    importance_weighted,
    per_group,
    rate_factors,
    sampled_rate,
    score_function,
    weighted_sum,
)
from vae_jax.objectives import capacity as distance_from
from vae_jax.objectives import enumerated as over_all_states
from vae_jax.objectives import free_bits as no_less_than
from vae_jax.objectives import rloo as leave_one_out
from vae_jax.objectives import vimco as of_the_geometric_mean
from vae_jax.objectives.score_function import Estimator
from vae_jax.types import Array, Batch, Key, Params

_BETA = (0.0, 1e6)
_NATS = (0.0, 1e6)
_NO_BOUND = "A point has no bound: with posterior='point' choose objective='elbo'."
GRADIENTS = {"plain": False, "score-free": True}
GROUPS = {"dimension": True, "total": False}  # of free bits: whether each dimension has its own


def elbo(
    model: VAE,
    rate: Rate | None,
    beside: tuple[Term, ...] = (),
    *,
    draws: int = 1,
    gradient: str = "plain",
    beta: float = 1.0,
    beta_warmup: int = 0,
    beta_rise: str = "linear",
    free_bits: float = 0.0,
    free_bits_per: str = "dimension",
) -> Objective:
    """The evidence lower bound, its rate weighted by beta, and no less than the bits that are
    free; with the terms that a posterior has beside it."""
    weight = _beta(beta, beta_warmup, beta_rise)
    is_plain = (beta, beta_warmup, free_bits) == (1.0, 0, 0.0)
    if not free_bits and free_bits_per != "dimension":
        raise ValueError(
            f"free_bits_per={free_bits_per!r} needs the nats: free_bits=0.5, say; without free bits"
            " it is free_bits_per='dimension'."
        )
    if rate is None:
        return _distortion(model, is_plain and (draws, gradient) == (1, "plain"))
    check_count("draws", draws)
    if one_of("gradient", GRADIENTS, gradient):
        if not is_plain:
            raise ValueError(
                "gradient='score-free' is of the bound itself: leave beta at 1, and beta_warmup and"
                " free_bits out."
            )
        return importance_weighted(model, elbo_bound(), num_draws=draws, score_free=True)
    terms: tuple[Term, ...] = (Term("distortion", distortion), _rate(rate, weight))
    if free_bits:
        value = _free(rate, free_bits, free_bits_per)
        terms = (terms[0], _rate(rate, 0.0), Term("free_bits", value, weight))
    return weighted_sum(model, (*terms, *beside), num_samples=draws)


def capacity(
    model: VAE,
    rate: Rate | None,
    *,
    draws: int = 1,
    capacity: float = 25.0,
    capacity_warmup: int = 0,
    gamma: float = 1000.0,
) -> Objective:
    """The distortion at a rate that is asked for (Burgess et al. 2018)."""
    check_count("draws", draws)
    check_within("capacity", capacity, *_NATS)
    check_within("gamma", gamma, *_BETA)
    if rate is None:
        raise ValueError("A point has no rate: with posterior='point' choose objective='elbo'.")
    nats: float | optax.Schedule = capacity
    if capacity_warmup:
        check_count("capacity_warmup", capacity_warmup)
        nats = linear(capacity, capacity_warmup)
    terms = (
        Term("distortion", distortion),
        _rate(rate, 0.0),
        Term("capacity", distance_from(nats, of=rate), gamma),
    )
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


def rloo(model: VAE, rate: Rate | None, *, draws: int = 4) -> Objective:
    """The elbo of a posterior whose draws need no gradient, each against the mean of the others
    (Kool et al. 2019)."""
    return _by_score(model, rate, leave_one_out, draws)


def vimco(model: VAE, rate: Rate | None, *, draws: int = 5) -> Objective:
    """The iwae of a posterior whose draws need no gradient (Mnih & Rezende 2016)."""
    return _by_score(model, rate, of_the_geometric_mean, draws)


def enumerated(model: VAE, rate: Rate | None) -> Objective:
    """The elbo of a posterior of few states, exactly: a sum over all of them, and no draw."""
    if rate is None:
        raise ValueError(_NO_BOUND)
    return over_all_states(model)


OBJECTIVES: Rows = {
    "elbo": elbo,
    "capacity": capacity,
    "iwae": iwae,
    "miwae": miwae,
    "piwae": piwae,
    "ciwae": ciwae,
    "rloo": rloo,
    "vimco": vimco,
    "enumerated": enumerated,
}


def _weighted(
    model: VAE, rate: Rate | None, bound: Bound, num_draws: int, gradient: str
) -> Objective:
    if rate is None:
        raise ValueError(_NO_BOUND)
    score_free = one_of("gradient", GRADIENTS, gradient)
    return importance_weighted(model, bound, num_draws=num_draws, score_free=score_free)


def _by_score(model: VAE, rate: Rate | None, estimator: Estimator, draws: int) -> Objective:
    if rate is None:
        raise ValueError(_NO_BOUND)
    check_within("draws", draws, 2, 2**31 - 1)
    return score_function(model, estimator, num_draws=draws)


def _rate(rate: Rate, weight: Weight) -> Term:
    """The rate as a term; where it makes no bound, by a name of its own."""
    return Term("categorical_rate" if rate is categorical_rate else "rate", rate, weight)


def _beta(beta: float, warmup: int, rise: str) -> float | optax.Schedule:
    """The weight of the rate."""
    check_within("beta", beta, *_BETA)
    if warmup:
        check_count("beta_warmup", warmup)
        return one_of("beta_rise", RISES, rise)(beta, warmup)
    if rise != "linear":
        raise ValueError(f"beta_rise={rise!r} needs the steps of a rise: beta_warmup=1000.")
    return beta


def _free(rate: Rate, nats: float, per: str) -> Rate:
    """The rate, or the nats that are free where they are more."""
    check_within("free_bits", nats, *_NATS)
    if not one_of("free_bits_per", GROUPS, per):
        return no_less_than(nats, of=rate)
    if rate is sampled_rate:
        raise ValueError(
            "free_bits_per='dimension' needs the rate of each dimension in closed form, and under"
            " this prior it is sampled: choose free_bits_per='total', or prior='standard'."
        )
    return no_less_than(nats, of=rate_factors)


def _distortion(model: VAE, is_plain: bool) -> Objective:
    if not is_plain:
        raise ValueError(
            "posterior='point' has the distortion alone for its loss: leave draws, gradient, beta,"
            " beta_warmup and free_bits out."
        )
    return weighted_sum(model, (Term("distortion", distortion),))
