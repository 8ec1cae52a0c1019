"""Terms: the summands of a loss, for one draw of one example."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax.numpy as jnp

from vae_jax.divergences import kl
from vae_jax.models import Trace, log_posterior, log_prior
from vae_jax.types import Array, Event

Weight: TypeAlias = float | Callable[[Array], Array]  # a number, or a schedule of the step


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
    q(z_1|x) q(z_2|z_1) against p(z_1|z_2), this is not the rate: use `sampled_rate` (a `chain`
    insists on it; a trace of your own must).
    """
    del x
    return jnp.sum(jnp.stack([kl(q, p) for q, p in zip(t.q, t.p, strict=True)]))


def sampled_rate(t: Trace, x: Event) -> Array:
    """sum_l log q_l(z_l) - log p_l(z_l), [] nats: one draw's estimate of the rate."""
    del x
    return log_posterior(t) - log_prior(t)


NEGATIVE_ELBO = (Term("distortion", distortion), Term("rate", rate))
