"""Importance-weighted bounds."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.bounds.functionals import Bound
from vae_jax.bounds.score_free import score_free_bound
from vae_jax.checks import check_count
from vae_jax.models import VAE, Trace, log_posterior
from vae_jax.models.state import mean_over_draws
from vae_jax.objectives.objective import (
    Aux,
    Objective,
    check_alone,
    differentiable_trace,
    log_joint,
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
        variance. The posterior must have a density at every z (`log_prob`).

    Returns:
      Objective. Metrics: "loss" and "bound" = -loss; nats.

    Raises:
      ValueError: num_draws < 1, or not a multiple of M; and, when it is traced, score_free with
        networks that pool over the batch.
      TypeError: when it is traced, score_free with a posterior that has no log_prob.
    """
    check_count("num_draws", num_draws)
    if not isinstance(bound, Bound):
        raise TypeError(f"bound must be a Bound, such as iwae_bound(); got {bound!r}.")

    def example(params: Params, key: Key, x: Event, c: Event) -> tuple[Array, Params]:
        draw_key, noise = jax.random.split(key)
        keys = draw_keys(draw_key, num_draws)

        def run(params: Params, k: Key, z: Event = None) -> Trace:
            return differentiable_trace(model, params, k, x, c, noise, z)

        def log_weight(k: Key) -> tuple[Array, Params]:
            t = run(params, k)
            return log_joint(t, x) - log_posterior(t), t.state

        log_w, entries = jax.vmap(log_weight, axis_name="draws")(keys)
        value = _score_free(bound, run, params, x, keys) if score_free else bound.value(log_w)
        return value, mean_over_draws(entries)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del step
        if score_free:
            check_alone("score_free", model, params, key, batch)
        values, state = over_batch(example, model, params, key, batch)
        value = jnp.mean(values)
        return -value, Aux({"loss": -value, "bound": value}, state)

    return objective


def _score_free(
    bound: Bound, run: Callable[..., Trace], params: Params, x: Event, keys: Key
) -> Array:
    """The bound of one example, whose gradient leaves out the score of q.

    Args:
      run: (params, key, z=None) -> the trace of x; the key is unused where z is given.
    """

    def draw(k: Key) -> tuple[Event, Array]:
        t = run(params, k)
        return t.z, log_posterior(t)

    def log_densities(z: Event) -> tuple[Array, Array]:
        t = run(params, keys[0], z)
        return log_joint(t, x), log_posterior(t)

    return score_free_bound(bound, draw, log_densities, keys)
