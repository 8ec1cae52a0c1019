"""What a density without latents makes of the data: numbers for a model to stand beside."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.distributions import (
    Bernoulli,
    Categorical,
    ColourLogistics,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Distribution,
    FullGaussian,
    Gaussian,
    Joint,
    Laplace,
    LogisticMixture,
    NegativeBinomial,
    Poisson,
    ZeroInflated,
)
from vae_jax.distributions.continuous_bernoulli import logits_of_mean
from vae_jax.extras import lacking
from vae_jax.types import Array, Event

_AT_ONCE = 100  # examples
_MOST = 2_000  # dimensions of a covariance
_LEAST_SCALE = np.exp(-6.0)  # the floor of a learned scale: constant dimensions have no density


def independent(likelihood: Distribution, x: Event) -> Distribution | None:
    """Independent dimensions of the likelihood's family, of the largest likelihood.

    Gaussians with the mean and standard deviation (exp(-6) at least, as a model's own) of each
    dimension; Laplaces with the median and the mean distance from it; continuous Bernoullis with
    the means; binary variables and classes with their frequencies, as if each value had been seen
    once more (half as often, of two), so that none is impossible; Poissons with the means, as if
    there were one more example, of half a count; negative binomials with means and variances, of
    counts with further zeros too, which is not the largest likelihood, but near it. Of levels, the
    frequencies.

    Args:
      likelihood: p(x|z) of any z: the family, and its classes.
      x: training examples, [N, ...]; of classes, -1 where there is none.

    Returns:
      A distribution over one event; None of another family than these, or a Joint with one.
    """
    if not isinstance(likelihood, Joint):
        return _fitted(likelihood, x)
    found = jax.tree.map(independent, likelihood.parts, x, is_leaf=_is_part)
    return None if None in jax.tree.leaves(found, is_leaf=_is_part) else Joint(found)


def full_covariance(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """A Gaussian with every covariance, shrunk as Ledoit and Wolf do; to each variance exp(-6)^2 is
    added, since constant dimensions have no density.

    Args:
      x: training examples, [N, ...] real numbers.

    Returns:
      examples [M, ...] -> log-densities [M], nats; None of more than 2,000 dimensions, or of fewer
      examples than dimensions.

    Raises:
      ImportError: scikit-learn is not installed.

    Reference: Ledoit, Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
    matrices".
    """
    try:
        from sklearn.covariance import LedoitWolf
    except ImportError as error:
        raise lacking("A Gaussian with every covariance", "scikit-learn", "experiments") from error
    N, D = len(x), x[0].size
    if min(_MOST, N) < D:
        return None
    fitted = LedoitWolf(store_precision=False).fit(np.asarray(x, np.float64).reshape(N, D))
    cholesky = np.linalg.cholesky(fitted.covariance_ + _LEAST_SCALE**2 * np.eye(D))
    constant = -0.5 * D * np.log(2 * np.pi) - np.log(np.diag(cholesky)).sum()

    def log_density(examples: np.ndarray) -> np.ndarray:
        apart = np.asarray(examples).reshape(len(examples), D) - fitted.location_
        return constant - 0.5 * (np.linalg.solve(cholesky, apart.T) ** 2).sum(axis=0)

    return log_density


def mean_and_variance(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each dimension of [N, ...], the variance divided by N; float64, of which the examples are
    held some at a time."""
    mean = x.mean(axis=0, dtype=np.float64)
    parts = (x[start : start + _AT_ONCE] - mean for start in range(0, len(x), _AT_ONCE))
    return mean, sum((np.square(part).sum(axis=0) for part in parts), np.zeros_like(mean)) / len(x)


@singledispatch
def _fitted(likelihood: Distribution, x: Event) -> Distribution | None:
    return None


@_fitted.register(Gaussian)
@_fitted.register(FullGaussian)
def _(likelihood: Distribution, x: np.ndarray) -> Gaussian:
    mean, variance = mean_and_variance(np.asarray(x))
    return Gaussian(_single(mean), _single(np.log(np.maximum(np.sqrt(variance), _LEAST_SCALE))))


@_fitted.register
def _(likelihood: Laplace, x: np.ndarray) -> Laplace:
    x = np.asarray(x)
    median = np.median(x, axis=0)
    distance = np.mean(np.abs(x - median), axis=0, dtype=np.float64)
    return Laplace(_single(median), _single(np.log(np.maximum(distance, _LEAST_SCALE))))


@_fitted.register
def _(likelihood: Bernoulli, x: np.ndarray) -> Bernoulli:
    ones = np.sum(np.asarray(x), axis=0, dtype=np.float64) + 0.5
    return Bernoulli(_single(np.log(ones) - np.log(len(x) + 1 - ones)))


@_fitted.register
def _(likelihood: ContinuousBernoulli, x: np.ndarray) -> ContinuousBernoulli:
    return ContinuousBernoulli(logits_of_mean(_single(mean_and_variance(np.asarray(x))[0])))


@_fitted.register
def _(likelihood: Categorical, x: np.ndarray) -> Categorical:
    return _frequencies(x, likelihood.logits.shape[-1])


@_fitted.register(ColourLogistics)
@_fitted.register(DiscretisedLogistic)
@_fitted.register(LogisticMixture)
def _(likelihood: Any, x: np.ndarray) -> Categorical:
    return _frequencies(x, likelihood.levels)


def _frequencies(x: np.ndarray, classes: int) -> Categorical:
    x = np.asarray(x)
    counts = np.stack([(x == k).sum(axis=0) + 1.0 for k in range(classes)], axis=-1)
    return Categorical(_single(np.log(counts / counts.sum(axis=-1, keepdims=True))))


@_fitted.register
def _(likelihood: Poisson, x: np.ndarray) -> Poisson:
    return Poisson(_single(np.log(_mean_count(x))))


@_fitted.register
def _(likelihood: NegativeBinomial, x: np.ndarray) -> NegativeBinomial:
    _, variance = mean_and_variance(np.asarray(x))
    mean = _mean_count(x)
    log_theta = 2 * np.log(mean) - np.log(np.maximum(variance - mean, mean * _LEAST_SCALE))
    return NegativeBinomial(_single(np.log(mean)), _single(log_theta))


@_fitted.register
def _(likelihood: ZeroInflated, x: np.ndarray) -> Distribution | None:
    return _fitted(likelihood.distribution, x)


def _mean_count(x: np.ndarray) -> np.ndarray:
    return np.asarray((np.sum(np.asarray(x), axis=0, dtype=np.float64) + 0.5) / (len(x) + 1))


def _single(values: np.ndarray) -> Array:
    return jnp.asarray(values, jnp.float32)


def _is_part(node: object) -> bool:
    return node is None or isinstance(node, Distribution)
