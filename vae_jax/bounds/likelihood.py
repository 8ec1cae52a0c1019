"""log p(x) by importance sampling, a chunk of draws at a time."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import Decode, Encode, by_itself, likelihood, posterior, sample_keys
from vae_jax.checks import check_count
from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event, Key


class LogLikelihood(NamedTuple):
    """An importance-sampled log p(x), and how far to trust it. Each [] (or [B]).

    Fields:
      value: log mean_k w_k, nats; below log p(x) in expectation.
      ess: the effective sample size (sum_k w_k)^2 / sum_k w_k^2, in [1, K]; 0 where all weights are
        0, and the value -inf.
      standard_error: of the value, nats, from these K draws: sqrt(1/ess - 1/K), NaN for K = 1. To
        first order, so to be believed only where ess is well above 1: it stays below 1 nat however
        far off the value is, and means nothing where the variance of w is infinite (for Gaussians,
        q less than sqrt(1/2) as wide as the posterior).
    """

    value: Array
    ess: Array
    standard_error: Array


def log_likelihood(
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    *,
    num_samples: int,
    chunk_size: int = 100,
) -> LogLikelihood:
    """log p(x) by importance sampling: log mean_k w_k over exactly `num_samples` draws.

    For evaluation. x is encoded once, and at most `chunk_size` draws are held at a time: memory
    does not grow with `num_samples`. The value does not depend on `chunk_size`, but for rounding.
    The posterior need not be reparameterized: do not take a gradient.

    Args:
      key, x, encode, decode, prior: as for `sampled_elbo`.
      num_samples: K.
      chunk_size: draws held at once.

    Returns:
      LogLikelihood(value, ess, standard_error): nats; the effective sample size; the Monte Carlo
      standard error of this one value, in nats.

    Raises:
      as `sampled_elbo`, but for the reparameterization.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5 (L_5000).
    """
    q = posterior(key, x, encode, prior)
    key = by_itself(key)

    def log_weight(k: Key) -> Array:
        z, log_q = q.sample_and_log_prob(k)
        return likelihood(key, x, decode, z).log_prob(x) + prior.log_prob(z) - log_q

    def log_weights(index: Array) -> Array:
        return jax.vmap(log_weight)(sample_keys(key, index))

    return streamed_log_likelihood(log_weights, num_samples, chunk_size)


def streamed_log_likelihood(
    log_weights: Callable[[Array], Array],
    num_samples: int,
    chunk_size: int,
    shape: tuple[int, ...] = (),
) -> LogLikelihood:
    """log mean_k w_k over draws 0 .. num_samples - 1, a chunk at a time.

    Memory does not grow with `num_samples`. Draws beyond the last, which fill up the last chunk,
    get weight zero.

    Args:
      log_weights: index [S] of draws -> their log-weights [S, *shape].
      num_samples: K.
      chunk_size: the most draws that are held at once.
      shape: of what is estimated: [] for one example.
    """
    check_count("num_samples", num_samples)
    check_count("chunk_size", chunk_size)
    num_chunks = -(-num_samples // chunk_size)
    size = -(-num_samples // num_chunks)

    def add_chunk(chunk: Array, totals: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        index = chunk * size + jnp.arange(size)
        asked_for = jnp.expand_dims(index < num_samples, range(1, 1 + len(shape)))
        log_w = jnp.where(asked_for, log_weights(index), -jnp.inf)
        old_top, *sums = totals
        top = jnp.maximum(old_top, jnp.max(log_w, axis=0))
        sum_w, sum_w2 = (
            total * jnp.exp(power * (old_top - top))
            + jnp.sum(jnp.exp(power * (log_w - top[None])), axis=0)
            for power, total in zip((1, 2), sums, strict=True)
        )
        return top, sum_w, sum_w2

    # Sums of w / exp(top) and of its square: a log of the sums would round their growth away.
    zero = jnp.zeros(shape)
    nothing = (jnp.full(shape, jnp.finfo(zero.dtype).min), zero, zero)
    top, sum_w, sum_w2 = jax.lax.fori_loop(0, num_chunks, add_chunk, nothing)
    ess = jnp.where(sum_w2 == 0, 0.0, sum_w**2 / sum_w2)
    relative_variance = jnp.maximum(1 / ess - 1 / num_samples, 0.0)  # rounding, when all are equal
    error = jnp.sqrt(relative_variance) if num_samples > 1 else jnp.full(shape, jnp.nan)
    return LogLikelihood(top + jnp.log(sum_w / num_samples), ess, error)
