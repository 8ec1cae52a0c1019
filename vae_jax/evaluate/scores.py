"""Bounds and likelihoods of each example of a data set."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import bounds
from vae_jax.bounds.draws import draw_keys, sample_keys
from vae_jax.bounds.likelihood import streamed_log_likelihood
from vae_jax.calls import check_takes
from vae_jax.evaluate.examples import over_examples
from vae_jax.evaluate.support import check_support
from vae_jax.models import VAE, log_posterior, log_prior, trace
from vae_jax.objectives import Draw, distortion, rate
from vae_jax.types import Array, Batch, Event, Key, Params, Progress

Rate = Callable[[Draw], Array]
_TERMS = 2**32 - 1  # the stream of a term's own key, which no draw reaches


class Mean(NamedTuple):
    """A mean over examples and its standard error over them, sd / sqrt(N)."""

    value: float
    standard_error: float


def elbos(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int = 1,
    rate: Rate = rate,
    batch_size: int = 500,
    progress: Progress = iter,
) -> bounds.ELBO:
    """The evidence lower bound of each example.

    Args:
      model, params: the VAE.
      key: one key for the whole evaluation.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K draws for each example.
      rate: `objectives.rate` (closed form; its docstring says for which hierarchies there is one)
        or `objectives.sampled_rate`.
      batch_size: how many examples at once, at most: fewer where they would not fit in an eighth of
        the memory.
      progress: wraps the loop.

    Returns:
      ELBO(value, distortion, rate), nats, [N] each.

    Raises:
      ValueError: no data, or values outside the likelihood's support.
    """
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples, "rate": rate}
    return over_examples(example_elbo, model, params, key, data, batch_size, progress, options)


def log_likelihoods(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int,
    chunk_size: int = 100,
    batch_size: int = 50,
    progress: Progress = iter,
) -> bounds.LogLikelihood:
    """log p(x) of each example by importance sampling: see `bounds.log_likelihood`.

    At most `batch_size` examples times `chunk_size` draws are held at once, whatever `num_samples`,
    and fewer where they would not fit in an eighth of the memory: by that the values do not change,
    but for rounding.

    Returns:
      LogLikelihood(value, ess, standard_error), [N] each. The standard error is the Monte Carlo
      one of each value; the one over examples is in `mean`.
    """
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples}
    given = (_log_likelihood, model, params, key, data, batch_size, progress, options)
    return over_examples(*given, min(chunk_size, num_samples))


def mean(values: Array) -> Mean:
    """The mean of [N] values over examples, with its standard error sd / sqrt(N)."""
    if np.ndim(values) != 1:
        raise ValueError(
            f"mean takes one number for each example, [N]; got {type(values).__name__} of shape"
            f" {np.shape(values)}. Of a bound or likelihood, pass its .value."
        )
    v = np.asarray(values, np.float64)
    deviation = v.std(ddof=1) if v.size > 1 else np.nan
    return Mean(float(v.mean()), float(deviation / np.sqrt(v.size)))


def example_elbo(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int, rate: Rate
) -> bounds.ELBO:
    """The evidence lower bound of one example: its mean over K draws."""
    check_takes("rate", rate, "d", hint="It is given a Draw, as a term is.")

    def parts(k: Key, own: Key) -> tuple[Array, Array]:
        d = Draw(trace(model, params, k, x, c), x, c, params, own, None)
        return distortion(d), rate(d)

    keys = (draw_keys(k, num_samples) for k in (key, jax.random.fold_in(key, _TERMS)))
    mean_distortion, mean_rate = map(jnp.mean, jax.vmap(parts)(*keys))
    return bounds.ELBO(-mean_distortion - mean_rate, mean_distortion, mean_rate)


def _log_likelihood(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int, chunk_size: int
) -> bounds.LogLikelihood:
    if model.trace is None:  # x is encoded once
        return bounds.log_likelihood(
            key,
            x,
            lambda x: model.encode(params, x, c),
            lambda z: model.decode(params, z, c),
            model.prior(params, c),
            num_samples=num_samples,
            chunk_size=chunk_size,
        )

    def log_weight(k: Key) -> Array:
        t = trace(model, params, k, x, c)
        return t.likelihood.log_prob(x) + log_prior(t) - log_posterior(t)

    def log_weights(index: Array) -> Array:
        return jax.vmap(log_weight)(sample_keys(key, index))

    return streamed_log_likelihood(log_weights, num_samples, chunk_size)
