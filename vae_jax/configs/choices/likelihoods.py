"""Likelihoods: the head of the decoder."""

import math

from flax import linen as nn
from flax.typing import Dtype, Initializer

from vae_jax.checks import check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    BernoulliHead,
    CategoricalHead,
    FixedScale,
    GaussianHead,
    JointHead,
    LearnedScale,
    PredictedScale,
)


def fixed(form: Form, sigma: float | None, dtype: Dtype | None) -> nn.Module:
    """One standard deviation, which is not learned."""
    if sigma is None:
        raise ValueError("scale='fixed' needs its standard deviation: sigma=0.1, say.")
    return FixedScale(math.log(sigma))


def learned(form: Form, sigma: float | None, dtype: Dtype | None) -> nn.Module:
    """One standard deviation, learned."""
    return LearnedScale(initial=_first(form, sigma))


def dimension(form: Form, sigma: float | None, dtype: Dtype | None) -> nn.Module:
    """A standard deviation for each dimension, learned."""
    return LearnedScale(initial=_first(form, sigma), per_dimension=True)


def predicted(form: Form, sigma: float | None, dtype: Dtype | None) -> nn.Module:
    """A standard deviation for each dimension and z, an output of the decoder."""
    return PredictedScale(initial=_first(form, sigma), dtype=dtype)


_SIGMA = (1e-6, 1e6)  # of which squares and their inverses are far from what float32 holds
SCALES = {"fixed": fixed, "learned": learned, "dimension": dimension, "predicted": predicted}


def gaussian(
    form: Form, *, scale: str | None = None, sigma: float | None = None, dtype: str = "float32"
) -> nn.Module:
    """N(x | f(z), sigma^2)."""
    if sigma is not None:
        check_within("sigma", sigma, *_SIGMA)
    own = one_of("dtype", DTYPES, dtype)
    made = one_of("scale", SCALES, scale or form.scale)(form, sigma, own)
    return GaussianHead(form.shape, made, form.loc, own)


def bernoulli(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Independent binary variables."""
    return BernoulliHead(form.shape, form.logits, one_of("dtype", DTYPES, dtype))


def categorical(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Independent integers, each with a probability for each of its classes."""
    if form.classes is None:
        raise ValueError("likelihood='categorical' is for integers, and these data are not.")
    return CategoricalHead(form.shape, form.classes, one_of("dtype", DTYPES, dtype))


def with_classes(head: nn.Module, form: Form, dtype: str) -> nn.Module:
    """The head of the array, and one for each variable that stands beside it."""
    if not form.beside:
        return head
    own = one_of("dtype", DTYPES, dtype)
    heads = {"classes": JointHead(tuple(CategoricalHead((), K, own) for K in form.beside))}
    return JointHead(heads if form.shape == (0,) else {"numbers": head, **heads})


LIKELIHOODS: Rows = {"gaussian": gaussian, "bernoulli": bernoulli, "categorical": categorical}


def _first(form: Form, sigma: float | None) -> float | Initializer:
    """Where the log-scale begins."""
    return form.log_scale if sigma is None else math.log(sigma)
