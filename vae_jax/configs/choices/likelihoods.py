"""Likelihoods: the head of the decoder."""

import math

from flax import linen as nn

from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    BernoulliHead,
    CategoricalHead,
    FixedScale,
    GaussianHead,
    LearnedScale,
)


def fixed(log_scale: float) -> nn.Module:
    """One standard deviation, which is not learned."""
    return FixedScale(log_scale)


def learned(log_scale: float) -> nn.Module:
    """One standard deviation, learned."""
    return LearnedScale(initial=log_scale)


def dimension(log_scale: float) -> nn.Module:
    """A standard deviation for each dimension, learned."""
    return LearnedScale(initial=log_scale, per_dimension=True)


SCALES = {"fixed": fixed, "learned": learned, "dimension": dimension}


def gaussian(form: Form, *, scale: str = "dimension", sigma: float | None = None) -> nn.Module:
    """N(x | f(z), sigma^2)."""
    first = form.sigma if sigma is None else sigma
    if not first > 0:
        raise ValueError(f"sigma must be above 0; got {first}.")
    return GaussianHead(form.shape, one_of("scale", SCALES, scale)(math.log(first)))


def bernoulli(form: Form) -> nn.Module:
    """Independent binary variables."""
    return BernoulliHead(form.shape, form.bias_init)


def categorical(form: Form) -> nn.Module:
    """Independent integers, each with a probability for each of its classes."""
    if form.classes is None:
        raise ValueError("likelihood='categorical' is for integers, and these data are not.")
    return CategoricalHead(form.shape, form.classes)


LIKELIHOODS: Rows = {"gaussian": gaussian, "bernoulli": bernoulli, "categorical": categorical}
