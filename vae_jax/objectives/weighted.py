"""Weighted sums of terms."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.checks import check_count
from vae_jax.models import VAE
from vae_jax.objectives.objective import (
    Aux,
    Objective,
    differentiable_trace,
    first_state,
    over_batch,
)
from vae_jax.objectives.terms import NEGATIVE_ELBO, Term, Weight
from vae_jax.types import Array, Batch, Event, Key, Params


def weighted_sum(
    model: VAE, terms: Sequence[Term] = NEGATIVE_ELBO, *, num_samples: int = 1
) -> Objective:
    """The loss sum_i weight_i(step) term_i, each term averaged over draws and batch.

    The default is the negative ELBO. The rate weighted by beta is the beta-VAE (Higgins et al.
    2017), or, with a schedule, KL warm-up (Bowman et al. 2015, arXiv 1511.06349):

        weighted_sum(model, [Term("distortion", distortion), Term("rate", rate, 4.0)])
        weighted_sum(model, [..., Term("rate", rate, optax.linear_schedule(0.0, 1.0, 10_000))])

    Args:
      model: the VAE; its posterior must be reparameterized.
      terms: the summands. Names must be unique.
      num_samples: K draws of z for each example.

    Returns:
      Objective. Metrics: "loss", and each term's unweighted mean under its name; nats.

    Raises:
      ValueError: names that are not unique, or "loss", which the sum itself is called; no terms;
        num_samples < 1; and, when it is traced, a term that is not one number.
    """
    terms = [Term(*term) for term in terms]
    _check_names([term.name for term in terms])
    check_count("num_samples", num_samples)

    def example(params: Params, key: Key, x: Event, c: Event) -> tuple[list[Array], Params]:
        draw_key, noise = jax.random.split(key)

        def draw(k: Key) -> tuple[list[Array], Params]:
            t = differentiable_trace(model, params, k, x, c, noise)
            return [_number(term.name, term.value(t, x)) for term in terms], t.state

        values, states = jax.vmap(draw)(draw_keys(draw_key, num_samples))
        return [jnp.mean(value) for value in values], first_state(states)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        values, state = over_batch(example, model, params, key, batch)
        means = {term.name: jnp.mean(v) for term, v in zip(terms, values, strict=True)}
        loss = jnp.sum(jnp.stack([_at(t.weight, step) * means[t.name] for t in terms]))
        return loss, Aux({"loss": loss, **means}, state)

    return objective


def _at(weight: Weight, step: Array) -> Array | float:
    return weight(step) if callable(weight) else weight


def _number(name: str, value: Array) -> Array:
    if jnp.shape(value) != ():
        raise ValueError(
            f"The term {name!r} must be one number for one draw; got an array of shape"
            f" {jnp.shape(value)}: sum over the event's dimensions."
        )
    return value


def _check_names(names: list[str]) -> None:
    if not names:
        raise ValueError("A weighted sum needs at least one term.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"The terms' names must be unique; {repeated} occur more than once.")
    if "loss" in names:
        raise ValueError("A term cannot be named 'loss': that is the sum of the terms.")
