"""Likelihoods: the head of the decoder."""

import math
from collections.abc import Callable

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from vae_jax.checks import check_count
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.form import Form
from vae_jax.configs.choices.scales import scale_of
from vae_jax.configs.choices.starts import (
    affine,
    in_levels,
    initializer,
    inverse_tanh,
    logits_of_grey,
)
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    BernoulliHead,
    BetaHead,
    CategoricalHead,
    ColourLogisticsHead,
    ContinuousBernoulliHead,
    DiscretisedLogisticHead,
    FullGaussianHead,
    GaussianHead,
    JointHead,
    LaplaceHead,
    LogisticMixtureHead,
    NegativeBinomialHead,
    PoissonHead,
    ZeroInflatedHead,
)
from vae_jax.networks.level_heads import LEVEL_FLOOR
from vae_jax.types import Array

_MOST_COVARIED = 128  # dimensions

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


def full_gaussian(
    form: Form,
    *,
    scale: str | None = None,
    sigma: float | None = None,
    dtype: str = "float32",
) -> nn.Module:
    """N(x | f(z), S(z)), every covariance predicted; of few dimensions."""
    D = math.prod(form.shape)
    if D > _MOST_COVARIED:
        raise ValueError(
            f"likelihood='full_gaussian' has D (D - 1) / 2 covariances, and these examples D = {D}:"
            f" it is for {_MOST_COVARIED} at most. Choose likelihood='gaussian'."
        )
    own = one_of("dtype", DTYPES, dtype)
    return FullGaussianHead(form.shape, scale_of(form, scale, sigma, own), form.loc, own)


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
    levels = _levels(form, "categorical")
    return CategoricalHead(form.shape, levels, one_of("dtype", DTYPES, dtype))


def logistic(
    form: Form, *, scale: str | None = None, sigma: float | None = None, dtype: str = "float32"
) -> nn.Module:
    """Independent integers, each by a logistic density cut into the masses of its levels."""
    levels, own = _levels(form, "logistic"), one_of("dtype", DTYPES, dtype)
    unit, middle = in_levels(levels)
    shift = math.log(unit * math.sqrt(3) / math.pi)  # pi / sqrt(3) s is the deviation
    made = scale_of(form, scale, sigma, own, shift=shift, floor=LEVEL_FLOOR)
    begin = initializer(affine(form.loc, middle, unit))
    return DiscretisedLogisticHead(form.shape, levels, made, begin, own)


def logistic_mixture(form: Form, *, logistics: int = 10, dtype: str = "float32") -> nn.Module:
    """The same by a mixture of logistics; of red, green and blue as PixelCNN++ has it."""
    levels, own = _levels(form, "logistic_mixture"), one_of("dtype", DTYPES, dtype)
    check_count("logistics", logistics)
    unit, middle = in_levels(levels)
    loc = initializer(affine(form.loc, middle, unit))
    log_scale = initializer(affine(form.log_scale, math.log(unit * math.sqrt(3) / math.pi)))
    if len(form.shape) == 3 and form.shape[-1] == 3:
        return ColourLogisticsHead(form.shape, levels, logistics, loc, log_scale, own)
    return LogisticMixtureHead(form.shape, levels, logistics, loc, log_scale, own)


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
    "full_gaussian": full_gaussian,
    "laplace": laplace,
    "bernoulli": bernoulli,
    "continuous_bernoulli": continuous_bernoulli,
    "beta": beta,
    "categorical": categorical,
    "logistic": logistic,
    "logistic_mixture": logistic_mixture,
    "poisson": poisson,
    "negative_binomial": negative_binomial,
    "zinb": zinb,
}


def _bound(form: Form, name: str) -> tuple[Bound | None, Initializer]:
    """A function of the mean, and the bias under which it begins at the data's."""
    firsts = {"none": form.loc, "sigmoid": form.logits, "tanh": inverse_tanh(form.loc)}
    return one_of("mean_bound", BOUNDS, name), firsts[name]


def _levels(form: Form, name: str) -> int:
    if form.classes is None:
        raise ValueError(f"likelihood={name!r} is for integers, and these data are not.")
    return form.classes
