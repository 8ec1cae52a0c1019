"""Importance-weighted bounds."""

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.bounds.functionals import Bound, score_free_bound
from vae_jax.checks import check_count
from vae_jax.models import VAE, Trace, log_posterior, log_prior
from vae_jax.objectives.objective import (
    Aux,
    Objective,
    differentiable_trace,
    first_state,
    over_batch,
)
from vae_jax.types import Array, Batch, Event, Key, Params


def importance_weighted(
    model: VAE, bound: Bound, *, num_draws: int, score_free: bool = False
) -> Objective:
    """The loss -bound(log_w), averaged over the batch: IWAE, MIWAE, CIWAE, or the sampled ELBO.

    Args:
      model: the VAE; its posterior must be reparameterized.
      bound: `iwae_bound()`, `miwae_bound(M)`, `ciwae_bound(beta)` or `elbo_bound()`.
      num_draws: of z for each example, in all: K, but M * K for MIWAE (whence the name).
      score_free: leave the score of q out of the gradient: sticking the landing for the ELBO, the
        doubly reparameterized gradient for the others. Same expectation; see `bounds.iwae` for the
        variance.

    Returns:
      Objective. Metrics: "loss" and "bound" = -loss; nats.

    Raises:
      ValueError: num_draws < 1, or not a multiple of M.
    """
    check_count("num_draws", num_draws)
    if not isinstance(bound, Bound):
        raise TypeError(f"bound must be a Bound, such as iwae_bound(); got {bound!r}.")

    def example(params: Params, key: Key, x: Event, c: Event) -> tuple[Array, Params]:
        draw_key, noise = jax.random.split(key)
        keys = draw_keys(draw_key, num_draws)

        def run(k: Key, z: tuple[Event, ...] | None = None) -> Trace:
            return differentiable_trace(model, params, k, x, c, noise, z)

        def log_densities(t: Trace) -> tuple[Array, Array]:
            return t.likelihood.log_prob(x) + log_prior(t), log_posterior(t)

        def log_weight(k: Key) -> tuple[Array, Params]:
            t = run(k)
            log_joint, log_q = log_densities(t)
            return log_joint - log_q, t.state

        log_w, states = jax.vmap(log_weight)(keys)
        if not score_free:
            return bound.value(log_w), first_state(states)
        value = score_free_bound(
            bound, lambda k: run(k).z, lambda z: log_densities(run(draw_key, z)), keys
        )
        return value, first_state(states)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del step
        values, state = over_batch(example, model, params, key, batch)
        value = jnp.mean(values)
        return -value, Aux({"loss": -value, "bound": value}, state)

    return objective
