"""Likelihoods: the head of the decoder."""

import math

from flax import linen as nn
from flax.typing import Initializer

from vae_jax.checks import check_within
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    BernoulliHead,
    CategoricalHead,
    FixedScale,
    GaussianHead,
    JointHead,
    LearnedScale,
)


def fixed(form: Form, sigma: float | None) -> nn.Module:
    """One standard deviation, which is not learned."""
    if sigma is None:
        raise ValueError("scale='fixed' needs its standard deviation: sigma=0.1, say.")
    return FixedScale(math.log(sigma))


def learned(form: Form, sigma: float | None) -> nn.Module:
    """One standard deviation, learned."""
    return LearnedScale(initial=_first(form, sigma))


def dimension(form: Form, sigma: float | None) -> nn.Module:
    """A standard deviation for each dimension, learned."""
    return LearnedScale(initial=_first(form, sigma), per_dimension=True)


_SIGMA = (1e-6, 1e6)  # of which squares and their inverses are far from what float32 holds
SCALES = {"fixed": fixed, "learned": learned, "dimension": dimension}


def gaussian(form: Form, *, scale: str = "dimension", sigma: float | None = None) -> nn.Module:
    """N(x | f(z), sigma^2)."""
    if sigma is not None:
        check_within("sigma", sigma, *_SIGMA)
    return GaussianHead(form.shape, one_of("scale", SCALES, scale)(form, sigma), form.loc)


def bernoulli(form: Form) -> nn.Module:
    """Independent binary variables."""
    return BernoulliHead(form.shape, form.logits)


def categorical(form: Form) -> nn.Module:
    """Independent integers, each with a probability for each of its classes."""
    if form.classes is None:
        raise ValueError("likelihood='categorical' is for integers, and these data are not.")
    return CategoricalHead(form.shape, form.classes)


def with_classes(head: nn.Module, form: Form) -> nn.Module:
    """The head of the array, and one for each variable that stands beside it."""
    if not form.beside:
        return head
    heads = {"classes": JointHead(tuple(CategoricalHead((), K) for K in form.beside))}
    return JointHead(heads if form.shape == (0,) else {"numbers": head, **heads})


LIKELIHOODS: Rows = {"gaussian": gaussian, "bernoulli": bernoulli, "categorical": categorical}


def _first(form: Form, sigma: float | None) -> float | Initializer:
    """Where the log-scale begins."""
    return form.log_scale if sigma is None else math.log(sigma)
