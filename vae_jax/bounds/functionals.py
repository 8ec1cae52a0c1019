"""Functionals of K log importance weights: the bounds.

    z_k ~ q(z|x),   log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x)

A bound on log p(x) is a record of two functions of log_w [K]. `value` is the bound, [] nats.
`path` is the whole coefficient, [K], with which d log w_k / dz_k enters the gradient for the
posterior when the score of q appears no more: see `score_free`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count
from vae_jax.log_sums import log_sum_exp
from vae_jax.types import Array


class Bound(NamedTuple):
    """A bound on log p(x) as a function of K log-weights."""

    value: Callable[[Array], Array]  # log_w [K] -> [] nats
    path: Callable[[Array], Array]  # log_w [K] -> [K]


def elbo_bound() -> Bound:
    """The evidence lower bound: mean_k log w_k, with path 1/K."""
    return Bound(jnp.mean, lambda log_w: jnp.full_like(log_w, 1 / log_w.size))


def iwae_bound() -> Bound:
    """The importance-weighted bound log mean_k w_k, with path w~_k^2, w~ = softmax(log_w).

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, eq. 8; path: Tucker et al.
    2019, arXiv 1810.04152.
    """
    return Bound(log_mean_exp, lambda log_w: jax.nn.softmax(log_w) ** 2)


def miwae_bound(num_groups: int) -> Bound:
    """The mean of M importance-weighted bounds of K draws each, of log_w [M * K].

    Reference: Rainforth et al. 2018, arXiv 1802.04537, "New estimators" (M outside the logarithm, K
    inside). Its path is w~_mk^2 / M, with w~ normalised inside each group.
    """
    check_count("num_groups", num_groups)
    inner = iwae_bound()

    def groups(log_w: Array) -> Array:  # [M, K]
        if log_w.size % num_groups:
            raise ValueError(f"{log_w.size} draws do not make {num_groups} groups of equal size.")
        return log_w.reshape(num_groups, -1)

    def value(log_w: Array) -> Array:
        return jnp.mean(jax.vmap(inner.value)(groups(log_w)))

    def path(log_w: Array) -> Array:
        return jax.vmap(inner.path)(groups(log_w)).ravel() / num_groups

    return Bound(value, path)


def ciwae_bound(beta: float) -> Bound:
    """beta * ELBO + (1 - beta) * IWAE_K, with path beta/K + (1 - beta) w~_k^2.

    ValueError unless beta is in [0, 1], outside of which this is no bound.

    Reference: Rainforth et al. 2018, arXiv 1802.04537, "New estimators".
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"beta must be in [0, 1]; got {beta}.")
    both = ((beta, elbo_bound()), (1 - beta, iwae_bound()))
    bounds = [(share, b) for share, b in both if share > 0]  # 0 times the ELBO's -inf would be NaN

    def value(log_w: Array) -> Array:
        return sum((share * b.value(log_w) for share, b in bounds), jnp.zeros(()))

    def path(log_w: Array) -> Array:
        return sum((share * b.path(log_w) for share, b in bounds), jnp.zeros(()))

    return Bound(value, path)


def log_mean_exp(log_w: Array) -> Array:
    """log mean_k exp(log_w_k), over the leading axis."""
    return log_sum_exp(log_w) - math.log(log_w.shape[0])
