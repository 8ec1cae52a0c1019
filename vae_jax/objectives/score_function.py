"""Gradients by the score of q, for posteriors whose draws carry no derivative.

    d E_q[f(z)] = E_q[ f(z) d log q(z) + d f(z) ]

For classes, counts, mixtures: whatever has a density at every z, and no path through a draw. The
values are those of the bounds; what differs is the variance of the gradient, by what is taken from
f. A surrogate has the gradient, and its second derivative is none of the bound's: take a Hessian of
`enumerated`.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.bounds.draws import draw_keys
from vae_jax.bounds.functionals import Bound, elbo_bound, log_mean_exp
from vae_jax.checks import check_count
from vae_jax.distributions import Distribution, states
from vae_jax.distributions.states import MOST
from vae_jax.models import VAE, log_posterior, trace
from vae_jax.models.state import mean_over_draws
from vae_jax.objectives.objective import Aux, Objective, check_alone, log_joint, over_batch
from vae_jax.types import Array, Batch, Event, Key, Params

Estimator: TypeAlias = Callable[[Array, Array], Array]  # log p(x,z) [K], log q(z|x) [K] -> [] nats


def reinforce(log_p: Array, log_q: Array) -> Array:
    """The mean of log w_k = log p(x, z_k) - log q(z_k|x), with the gradient of the ELBO.

        d = 1/K sum_k  log w_k d log q(z_k|x) + d log p(x, z_k)

    Nothing is taken from log w: of a variance that no training should have. To compare with.

    Reference: Williams 1992, Simple statistical gradient-following algorithms.
    """
    log_w = jax.lax.stop_gradient(log_p - log_q)
    return _of_gradient(jnp.mean(log_w), jnp.mean(log_w * log_q + log_p))


def rloo(log_p: Array, log_q: Array) -> Array:
    """The same with the mean of the other draws taken from each: K >= 2.

        d = 1/K sum_k  (log w_k - mean_{j != k} log w_j) d log q(z_k|x) + d log p(x, z_k)

    Its mean is the gradient of the ELBO: the others know nothing of z_k.

    Reference: Kool, van Hoof, Welling 2019, Buy 4 REINFORCE samples, get a baseline for free.
    """
    K = _at_least_two("rloo", log_p)
    log_w = jax.lax.stop_gradient(log_p - log_q)
    less = (log_w - jnp.mean(log_w)) * K / (K - 1)
    return _of_gradient(jnp.mean(log_w), jnp.mean(less * log_q + log_p))


def vimco(log_p: Array, log_q: Array) -> Array:
    """log mean_k w_k, with the gradient of its mean: K >= 2.

        d = sum_k  (L - L_k) d log q(z_k|x) + w~_k d log w_k,   L = log mean_k w_k,   w~ = w / sum w

    with L_k that bound where w_k is the geometric mean of the others, or 0, if they are all
    impossible. The second summand holds
    -w~_k d log q(z_k|x), whose mean is not zero.

    Reference: Mnih, Rezende 2016, arXiv 1602.06725, section 2.
    """
    K = _at_least_two("vimco", log_p)
    log_w = log_p - log_q
    others = jax.lax.stop_gradient(log_w)
    own = jnp.eye(K, dtype=bool)  # [k, draws]
    instead = jnp.sum(jnp.where(own, 0.0, others[None]), axis=1) / (K - 1)
    without = jax.vmap(log_mean_exp)(jnp.where(own, instead[:, None], others[None]))
    bound = log_mean_exp(log_w)
    # where all others are impossible, 0: whatever they alone decide takes nothing from the mean
    less = jax.lax.stop_gradient(bound) - jnp.where(jnp.isfinite(without), without, 0.0)
    return _of_gradient(bound, jnp.sum(less * log_q) + bound)


def score_function(model: VAE, estimator: Estimator, *, num_draws: int) -> Objective:
    """The loss minus an estimator of a bound, averaged over the batch, of K draws each.

        score_function(model, rloo, num_draws=4)   # the ELBO
        score_function(model, vimco, num_draws=5)  # the importance-weighted bound

    Args:
      model: the VAE; its posterior has a density at every z, and need not be reparameterized.
      estimator: `rloo`, `vimco`, `reinforce`, or a function (log p(x,z) [K], log q(z|x) [K]) -> [].
      num_draws: K.

    Returns:
      Objective. Metrics: "loss" and "bound" = -loss; nats.

    Raises:
      ValueError: num_draws < 1; and, when it is traced, of 1 where two are needed, or networks that
        pool over their batch: one example's draw would be in the bounds of the others.
      TypeError: when it is traced, a posterior that has no log_prob.
    """
    check_count("num_draws", num_draws)

    def example(params: Params, key: Key, x: Event, c: Event) -> tuple[Array, Params]:
        draw_key, noise = jax.random.split(key)

        def densities(k: Key) -> tuple[Array, Array, Params]:
            z = jax.lax.stop_gradient(trace(model, params, k, x, c, None, noise).z)
            t = trace(model, params, k, x, c, z, noise)
            return log_joint(t, x), log_posterior(t), t.state

        log_p, log_q, entries = jax.vmap(densities)(draw_keys(draw_key, num_draws))
        return estimator(log_p, log_q), mean_over_draws(entries)

    return _minus("score_function", example, model)


def enumerated(
    model: VAE, bound: Bound | None = None, *, num_draws: int = 1, most: int = MOST
) -> Objective:
    """The loss minus a bound, exactly: the sum over all states of z, where they are few.

        ELBO = sum_z q(z|x) log w(z);   of K draws  sum over S^K tuples  prod_k q(z_k|x) bound(w)

    No draw, and no variance: bound and gradient are exact, and so is its derivative.

    Args:
      model: the VAE; its posterior is one that `distributions.states` lists.
      bound: as for `importance_weighted`; by default the ELBO.
      num_draws: K, of the bound.
      most: tuples at most, S^K.

    Returns:
      Objective. Metrics: "loss" and "bound" = -loss; nats. The state that is carried is the mean
      over the states of z, of one pass each.

    Raises:
      TypeError, ValueError: when it is traced, states that cannot be listed, or are too many.
    """
    check_count("num_draws", num_draws)
    own = elbo_bound() if bound is None else bound

    def example(params: Params, key: Key, x: Event, c: Event) -> tuple[Array, Params]:
        q = trace(model, params, key, x, c, None, key).q
        z = _listed(q, most)

        def densities(z: Event) -> tuple[Array, Array, Params]:
            t = trace(model, params, key, x, c, z, key)
            return log_joint(t, x), log_posterior(t), t.state

        log_p, log_q, entries = jax.vmap(densities)(z)
        return expectation(own, log_p, log_q, num_draws, most), mean_over_draws(entries)

    return _minus("enumerated", example, model)


def expectation(bound: Bound, log_p: Array, log_q: Array, num_draws: int, most: int) -> Array:
    """E[bound(log w)] over K draws from S states, [] nats; of log p(x,z) and log q(z|x), [S]."""
    S = log_p.shape[0]
    if S**num_draws > most:
        raise ValueError(
            f"{num_draws} draws of {S} states are {S**num_draws:,} tuples, and at most {most:,} are"
            " summed: take fewer draws, or score_function(model, vimco, num_draws=...)."
        )
    tuples = np.indices((S,) * num_draws).reshape(num_draws, -1).T  # [S^K, K]
    possible = log_q > -jnp.inf
    log_q = jnp.where(possible, log_q, 0.0)  # of no part in anything, and with no derivative
    mass = jnp.where(possible, jnp.exp(log_q), 0.0)
    values = jax.vmap(bound.value)((log_p - log_q)[tuples])
    masses = jnp.prod(mass[tuples], axis=1)
    return jnp.sum(jnp.where(masses > 0, masses * jnp.where(masses > 0, values, 0.0), 0.0))


def _listed(q: Distribution | dict, most: int) -> Event:
    if not isinstance(q, Distribution):
        raise TypeError(
            f"enumerated is for a model of one latent; this one draws {', '.join(q)}, each given"
            " those before it: descend score_function(model, rloo, num_draws=4)."
        )
    return states(q, most)


def _minus(name: str, example: Callable[..., tuple[Array, Params]], model: VAE) -> Objective:
    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del step
        check_alone(name, model, params, key, batch)
        values, state = over_batch(example, model, params, key, batch)
        value = jnp.mean(values)
        return -value, Aux({"loss": -value, "bound": value}, state)

    return objective


def _of_gradient(value: Array, surrogate: Array) -> Array:
    """The value, with the gradient of the surrogate."""
    return jax.lax.stop_gradient(value) + (surrogate - jax.lax.stop_gradient(surrogate))


def _at_least_two(name: str, log_p: Array) -> int:
    K = log_p.shape[0]
    if K < 2:
        raise ValueError(f"{name} takes each draw's baseline of the others: num_draws=2 at least.")
    return K
