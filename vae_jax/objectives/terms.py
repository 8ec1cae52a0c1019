"""Terms: the summands of a loss, for one draw of one example."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.distributions import Distribution
from vae_jax.divergences import kl, kl_factors
from vae_jax.models import Trace, log_posterior, log_prior
from vae_jax.models.trace import joined
from vae_jax.types import Array, Event, Key, Params

Weight: TypeAlias = float | Callable[[Array], Array]  # a number, or a schedule of the step


class Draw(NamedTuple):
    """What a term sees: one draw of one example.

    Fields:
      trace: the pass, whose z was drawn.
      x, c: the example and its condition.
      params: of the model, every group.
      key: of this term, this draw and this example alone. (One for the whole batch:
        `jax.lax.all_gather(key, "batch")[0]`.)
      step: of training, [] int; None in evaluation.
    """

    trace: Trace
    x: Event
    c: Event
    params: Params
    key: Key
    step: Array | None


_DRAW = f"A Draw d has the fields {', '.join(Draw._fields)}."


class Term(NamedTuple):
    """One summand of a loss.

    Fields:
      name: of its metric. Of terms named "distortion" and "rate" `fit` makes the "bound" that it
        reports: another summand, such as |rate - C|, has another name.
      value: (Draw) -> [] nats, for one draw of one example. It sees the batch, in training and in
        `evaluate.terms`, through the axis name "batch".
      weight: a number, or a schedule of the step (optax's).
    """

    name: str
    value: Callable[[Draw], Array]
    weight: Weight = 1.0


def distortion(d: Draw) -> Array:
    """-log p(x|z), [] nats."""
    return -d.trace.likelihood.log_prob(d.x)


def rate(d: Draw) -> Array:
    """KL(q(z|x) || p(z)) in closed form, [] nats; of several latents, at this draw of them:

        sum_l KL(q(z_l | x, drawn before) || p(z_l | drawn before)),   whose mean is the rate

    TypeError where a pair has no closed form; and where q and p draw their latents in different
    orders, as in bottom-up inference, q(z_1|x) q(z_2|z_1) against p(z_2) p(z_1|z_2): there p_l is
    given latents that q_l is not, and the sum is no rate. Use `sampled_rate`.
    """
    return kl(*_in_one_order(d))


def rate_factors(d: Draw) -> Event:
    """The summands of `rate`, one for each dimension of z, nats; of several latents a dict of them.

    TypeError where `rate` is not known by dimensions.
    """
    return kl_factors(*_in_one_order(d))


def sampled_rate(d: Draw) -> Array:
    """log q(z|x) - log p(z), [] nats: one draw's estimate of the rate."""
    return log_posterior(d.trace) - log_prior(d.trace)


NEGATIVE_ELBO = (Term("distortion", distortion), Term("rate", rate))


def check_terms(terms: Sequence[Term]) -> tuple[Term, ...]:
    """The terms. ValueError for none, for names that are not unique, and for a term named "loss",
    which their sum is. TypeError for a value or a schedule of other arguments."""
    terms = tuple(Term(*term) for term in terms)
    names = [term.name for term in terms]
    if not names:
        raise ValueError("A weighted sum needs at least one term.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"The terms' names must be unique; {repeated} occur more than once.")
    if "loss" in names:
        raise ValueError("A term cannot be named 'loss': that is the sum of the terms.")
    for name, value, weight in terms:
        check_takes(f"The value of the term {name!r}", value, "d", hint=_DRAW)
        if callable(weight):
            check_takes(f"The schedule of the term {name!r}", weight, "step")
    return terms


def term_values(terms: Sequence[Term], draw: Draw) -> dict[str, Array]:
    """Each term's number of one draw, {name: [] nats}, under a key of its own.

    Raises:
      ValueError: a term that is not one number.
    """
    keys = jax.random.split(draw.key, len(terms))
    return {
        term.name: _number(term.name, term.value(draw._replace(key=key)))
        for term, key in zip(terms, keys, strict=True)
    }


def weight_at(weight: Weight, step: Any) -> Array | float:
    """The weight at a step."""
    return weight(step) if callable(weight) else weight


def _in_one_order(d: Draw) -> tuple[Distribution, Distribution]:
    """q and p at this draw, all latents side by side. TypeError where their orders differ."""
    q, p = d.trace.q, d.trace.p
    orders = [list(d) for d in (q, p) if not isinstance(d, Distribution)]
    if orders[1:] and orders[0] != orders[1]:
        raise TypeError(
            f"q draws its latents in the order {orders[0]}, and p in the order {orders[1]}: the sum"
            " of the conditionals' divergences is then no rate. Estimate it by sampling: the term"
            " `sampled_rate` for `rate`, `rate=sampled_rate` for `fit` and `evaluate.elbos`."
        )
    return joined(q), joined(p)


def _number(name: str, value: Array) -> Array:
    if jnp.shape(value) != ():
        raise ValueError(
            f"The term {name!r} must be one number for one draw; got an array of shape"
            f" {jnp.shape(value)}: sum over the event's dimensions."
        )
    return value
