"""Likelihoods: the head of the decoder."""

import math
from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.scales import scale_of
from vae_jax.configs.choices.starts import inverse_tanh, logits_of_grey
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    BernoulliHead,
    BetaHead,
    CategoricalHead,
    ContinuousBernoulliHead,
    GaussianHead,
    JointHead,
    LaplaceHead,
    NegativeBinomialHead,
    PoissonHead,
    ZeroInflatedHead,
)
from vae_jax.types import Array

Bound = Callable[[Array], Array]
BOUNDS: dict[str, Bound | None] = {"none": None, "sigmoid": nn.sigmoid, "tanh": jnp.tanh}


def gaussian(
    form: Form,
    *,
    scale: str | None = None,
    sigma: float | None = None,
    mean_bound: str = "none",
    dtype: str = "float32",
) -> nn.Module:
    """N(x | f(z), sigma^2)."""
    own = one_of("dtype", DTYPES, dtype)
    bound, first = _bound(form, mean_bound)
    return GaussianHead(form.shape, scale_of(form, scale, sigma, own), first, own, bound)


def laplace(
    form: Form,
    *,
    scale: str | None = None,
    sigma: float | None = None,
    mean_bound: str = "none",
    dtype: str = "float32",
) -> nn.Module:
    """Laplace, which errs by absolute and not by squared distances."""
    own = one_of("dtype", DTYPES, dtype)
    bound, first = _bound(form, mean_bound)
    made = scale_of(form, scale, sigma, own, shift=-math.log(2) / 2)
    return LaplaceHead(form.shape, made, first, own, bound)


def bernoulli(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Independent binary variables."""
    return BernoulliHead(form.shape, form.logits, one_of("dtype", DTYPES, dtype))


def continuous_bernoulli(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Densities on [0, 1]: binary cross-entropy of grey levels, with its constant."""
    own = one_of("dtype", DTYPES, dtype)
    return ContinuousBernoulliHead(form.shape, logits_of_grey(form.loc), own)


def beta(
    form: Form, *, scale: str | None = None, sigma: float | None = None, dtype: str = "float32"
) -> nn.Module:
    """Densities on (0, 1), by mean and concentration."""
    own = one_of("dtype", DTYPES, dtype)
    made = scale_of(form, scale, sigma, own, shift=math.log(2))  # at a mean of one half
    return BetaHead(form.shape, made, form.logits, own)


def categorical(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Independent integers, each with a probability for each of its classes."""
    if form.classes is None:
        raise ValueError("likelihood='categorical' is for integers, and these data are not.")
    return CategoricalHead(form.shape, form.classes, one_of("dtype", DTYPES, dtype))


def poisson(form: Form, *, dtype: str = "float32") -> nn.Module:
    """Counts."""
    return PoissonHead(form.shape, form.log_mean, one_of("dtype", DTYPES, dtype))


def negative_binomial(
    form: Form, *, scale: str | None = None, sigma: float | None = None, dtype: str = "float32"
) -> nn.Module:
    """Counts that vary by more than Poisson variables do."""
    if scale in ("data", "data_vqvae"):
        raise ValueError(
            f"scale={scale!r} is of numbers: that of counts is what their deviation is, relative to"
            " the mean, beyond a Poisson's. Choose scale='dimension', or scale='fixed' with sigma."
        )
    own = one_of("dtype", DTYPES, dtype)
    return NegativeBinomialHead(form.shape, scale_of(form, scale, sigma, own), form.log_mean, own)


def zinb(
    form: Form, *, scale: str | None = None, sigma: float | None = None, dtype: str = "float32"
) -> nn.Module:
    """The same, with a probability of a further zero for each."""
    head = negative_binomial(form, scale=scale, sigma=sigma, dtype=dtype)
    return ZeroInflatedHead(head, dtype=one_of("dtype", DTYPES, dtype))


def with_classes(head: nn.Module, form: Form, dtype: str) -> nn.Module:
    """The head of the array, and one for each variable that stands beside it."""
    if not form.beside:
        return head
    own = one_of("dtype", DTYPES, dtype)
    heads = {"classes": JointHead(tuple(CategoricalHead((), K, own) for K in form.beside))}
    return JointHead(heads if form.shape == (0,) else {"numbers": head, **heads})


LIKELIHOODS: Rows = {
    "gaussian": gaussian,
    "laplace": laplace,
    "bernoulli": bernoulli,
    "continuous_bernoulli": continuous_bernoulli,
    "beta": beta,
    "categorical": categorical,
    "poisson": poisson,
    "negative_binomial": negative_binomial,
    "zinb": zinb,
}


def _bound(form: Form, name: str) -> tuple[Bound | None, Initializer]:
    """A function of the mean, and the bias under which it begins at the data's."""
    firsts = {"none": form.loc, "sigmoid": form.logits, "tanh": inverse_tanh(form.loc)}
    return one_of("mean_bound", BOUNDS, name), firsts[name]
