"""Weighted sums of terms, penalties, and sums of objectives."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.calls import check_takes
from vae_jax.checks import check_count
from vae_jax.models import VAE
from vae_jax.models.state import mean_over_draws
from vae_jax.objectives.objective import Aux, Objective, differentiable_trace, over_batch
from vae_jax.objectives.terms import (
    NEGATIVE_ELBO,
    Draw,
    Term,
    Weight,
    check_terms,
    term_values,
    weight_at,
)
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
      TypeError: a term whose value is no function of one `Draw`.
    """
    terms = check_terms(terms)
    check_count("num_samples", num_samples)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        def example(params: Params, key: Key, x: Event, c: Event) -> tuple[dict, Params]:
            draw_key, noise, term_key = jax.random.split(key, 3)

            def draw(k: Key, own: Key) -> tuple[dict[str, Array], Params]:
                t = differentiable_trace(model, params, k, x, c, noise)
                return term_values(terms, Draw(t, x, c, params, own, step)), t.state

            keys = (draw_keys(k, num_samples) for k in (draw_key, term_key))
            values, entries = jax.vmap(draw, axis_name="draws")(*keys)
            return jax.tree.map(jnp.mean, values), mean_over_draws(entries)

        values, state = over_batch(example, model, params, key, batch)
        means = {term.name: jnp.mean(values[term.name]) for term in terms}
        loss = jnp.sum(jnp.stack([weight_at(t.weight, step) * means[t.name] for t in terms]))
        return loss, Aux({"loss": loss, **means}, state)

    return objective


def penalty(name: str, value: Callable[[Params], Array], weight: Weight = 1.0) -> Objective:
    """The loss weight(step) value(params), of the parameters alone: to `add` to another.

        def decay(params):
            return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params["decoder"]))

        add(weighted_sum(model), penalty("decay", decay, 1e-4))

    Args:
      name: of its metric.
      value: params -> [].
      weight: a number, or a schedule of the step.

    Returns:
      Objective. Metrics: "loss", and the unweighted value under its name.

    Raises:
      ValueError: the name "loss".
      TypeError: a value that is no function of the parameters alone.
    """
    check_terms([Term(name, lambda d: jnp.zeros(()), weight)])
    check_takes(f"The penalty {name!r}", value, "params")

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del key, batch
        number = value(params)
        loss = weight_at(weight, step) * number
        return loss, Aux({"loss": loss, name: number})

    return objective


def add(*objectives: Objective) -> Objective:
    """The sum of objectives, under one key: the same draws, one gradient.

        add(importance_weighted(model, iwae_bound(), num_draws=8), penalty("decay", f, 1e-4))

    Args:
      objectives: each with its weights inside.

    Returns:
      Objective. Metrics: "loss", the sum, and what the objectives report besides their own "loss".
      The state to carry is that of the first objective that has one: of one model, under one key,
      they are the same.

    Raises:
      ValueError: no objectives; and, when it is traced, two that report a metric of one name.
    """
    if not objectives:
        raise ValueError("add needs at least one objective.")

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        each = [own(params, key, batch, step) for own in objectives]
        loss = jnp.sum(jnp.stack([value for value, _ in each]))
        metrics = {"loss": loss}
        for _, aux in each:
            own = {name: number for name, number in aux.metrics.items() if name != "loss"}
            _check_new(own, metrics)
            metrics |= own
        states = [aux.state for _, aux in each if aux.state is not None]
        return loss, Aux(metrics, states[0] if states else None)

    return objective


def _check_new(own: dict[str, Array], metrics: dict[str, Array]) -> None:
    repeated = sorted(set(own) & set(metrics))
    if repeated:
        raise ValueError(
            f"Two objectives that are added report {repeated}: give their terms names of their own."
        )
