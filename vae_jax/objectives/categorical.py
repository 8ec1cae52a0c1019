"""A term of relaxed classes."""

from typing import Any

from vae_jax.distributions import OneHot
from vae_jax.divergences import kl
from vae_jax.objectives.terms import Draw
from vae_jax.types import Array


def categorical_rate(d: Draw) -> Array:
    """The rate that the classes would have, of a model with relaxed ones, [] nats.

        sum_n KL(softmax(q.logits_n) || softmax(p.logits_n))

    Beside the distortion at a relaxed z it makes the loss of Jang et al., which is no bound on
    anything: z tells the decoder more than a class. So it has a name of its own, and makes no
    "bound". That of the classes is `rate` of `models.hard(model)`.

    Reference: Jang, Gu, Poole 2016, arXiv 1611.01144.
    """
    return kl(OneHot(_logits(d.trace.q)), OneHot(_logits(d.trace.p)))


def _logits(made: Any) -> Array:
    if not hasattr(made, "logits"):
        raise TypeError(
            f"categorical_rate is of classes, and was given {type(made).__name__}: make a model of"
            " them by networks.OneHotHead, relaxed by models.relaxed."
        )
    return made.logits
