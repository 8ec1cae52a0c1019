"""What is descended: functionals of a model, from a batch to one number.

An objective is (params, key, batch, step) -> (loss [], Aux(metrics, state)), with `batch` a dict
{"x": [B, ...], "c": [B, ...]} ("c" only for conditional models). Each example has its own key, and
sees its batch only through the axis name "batch" (`jax.lax.pmean(..., "batch")`). Reductions: sum
over the event's dimensions, mean over the draws, mean over the batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.bounds.functionals import Bound, score_free_bound
from vae_jax.checks import check_count, check_reparameterized
from vae_jax.divergences import kl
from vae_jax.model import VAE, Trace, log_posterior, log_prior, trace
from vae_jax.types import Array, Batch, Event, Key, Params

Weight: TypeAlias = float | Callable[[Array], Array]  # a number, or a schedule of the step


class Aux(NamedTuple):
    """What comes with a loss: numbers to report, and the state to carry (None: as it was)."""

    metrics: dict[str, Array]
    state: Params = None


Objective = Callable[[Params, Key, Batch, Array], tuple[Array, Aux]]


class Term(NamedTuple):
    """One summand of a loss.

    Fields:
      name: of its metric.
      value: (trace, x) -> [] nats, for one draw of one example.
      weight: a number, or a schedule of the step (optax's).
    """

    name: str
    value: Callable[[Trace, Event], Array]
    weight: Weight = 1.0


def distortion(t: Trace, x: Event) -> Array:
    """-log p(x|z), [] nats."""
    return -t.likelihood.log_prob(x)


def rate(t: Trace, x: Event) -> Array:
    """sum_l KL(q_l || p_l) in closed form, [] nats. TypeError where a pair has none.

    For one layer, or layers of which q_l and p_l are given the same others: top-down inference,
    q(z_2|x) q(z_1|z_2,x). Where p_l is given a layer drawn after z_l, as in bottom-up inference,
    q(z_1|x) q(z_2|z_1) against p(z_1|z_2), this is not the rate: use `sampled_rate`.
    """
    del x
    return jnp.sum(jnp.stack([kl(q, p) for q, p in zip(t.q, t.p, strict=True)]))


def sampled_rate(t: Trace, x: Event) -> Array:
    """sum_l log q_l(z_l) - log p_l(z_l), [] nats: one draw's estimate of the rate."""
    del x
    return log_posterior(t) - log_prior(t)


NEGATIVE_ELBO = (Term("distortion", distortion), Term("rate", rate))


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
            t = _differentiable_trace(model, params, k, x, c, noise)
            return [_number(term.name, term.value(t, x)) for term in terms], t.state

        values, states = jax.vmap(draw)(draw_keys(draw_key, num_samples))
        return [jnp.mean(value) for value in values], _first(states)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        values, state = _over_batch(example, model, params, key, batch)
        means = {term.name: jnp.mean(v) for term, v in zip(terms, values, strict=True)}
        loss = jnp.sum(jnp.stack([_at(t.weight, step) * means[t.name] for t in terms]))
        return loss, Aux({"loss": loss, **means}, state)

    return objective


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
            return _differentiable_trace(model, params, k, x, c, noise, z)

        def log_densities(t: Trace) -> tuple[Array, Array]:
            return t.likelihood.log_prob(x) + log_prior(t), log_posterior(t)

        def log_weight(k: Key) -> tuple[Array, Params]:
            t = run(k)
            log_joint, log_q = log_densities(t)
            return log_joint - log_q, t.state

        log_w, states = jax.vmap(log_weight)(keys)
        if not score_free:
            return bound.value(log_w), _first(states)
        value = score_free_bound(
            bound, lambda k: run(k).z, lambda z: log_densities(run(draw_key, z)), keys
        )
        return value, _first(states)

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del step
        values, state = _over_batch(example, model, params, key, batch)
        value = jnp.mean(values)
        return -value, Aux({"loss": -value, "bound": value}, state)

    return objective


def _differentiable_trace(
    model: VAE,
    params: Params,
    key: Key,
    x: Event,
    c: Event,
    noise: Key,
    z: tuple[Event, ...] | None = None,
) -> Trace:
    t = trace(model, params, key, x, c, z, noise)
    for q in t.q:
        check_reparameterized(q)
    return t


def _over_batch(
    example: Callable[..., tuple[Any, Params]], model: VAE, params: Params, key: Key, batch: Batch
) -> tuple[Any, Params]:
    """`example` of each example under a key of its own [B, ...], and the state to carry."""
    examples_key, refresh_key = jax.random.split(key)
    keys = jax.random.split(examples_key, batch_size(batch))
    each = jax.vmap(example, in_axes=(None, 0, 0, 0), out_axes=(0, None), axis_name="batch")
    values, state = each(params, keys, batch["x"], batch.get("c"))
    return values, state if model.refresh is None else model.refresh(params, refresh_key, batch)


def batch_size(batch: Batch) -> int:
    """B, the leading axis of every array of the batch. ValueError where they differ."""
    if not isinstance(batch, dict) or "x" not in batch:
        raise TypeError(
            f'Data is a dict {{"x": examples}}, with "c" for conditions; got'
            f" {sorted(batch) if isinstance(batch, dict) else f'a {type(batch).__name__}'}."
        )
    sizes = sorted({leaf.shape[0] for leaf in jax.tree.leaves(batch)})
    if len(sizes) != 1:
        raise ValueError(f"x and c need one entry for each example; got the leading axes {sizes}.")
    return sizes[0]


def _first(states: Params) -> Params:
    """The state as the first of the draws leaves it."""
    return jax.tree.map(lambda leaf: leaf[0], states)


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
