"""Missing values, given those that are there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.checks import check_count
from vae_jax.distributions import Masked
from vae_jax.distributions.masked import inside
from vae_jax.evaluate.examples import over_examples
from vae_jax.evaluate.support import check_support
from vae_jax.models import VAE, log_posterior, log_prior, trace
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


class Imputed(NamedTuple):
    """Examples without gaps.

    Fields:
      x: what was there, and elsewhere the estimate of its mean, [N, ...].
      ess: how many of the K draws count, 1 / sum_k w_k^2, [N]; of few the estimate is poor.
    """

    x: Event
    ess: Array


def impute(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int = 100,
    batch_size: int = 50,
    progress: Progress = iter,
) -> Imputed:
    """The missing values' means given the observed ones, by self-normalised importance sampling.

        E[x_missing | x_observed] ~ sum_k w_k E[x_missing | z_k],   z_k ~ q(z | x_observed)
        w_k proportional to p(x_observed | z_k) p(z_k) / q(z_k | x_observed),   sum_k w_k = 1

    The estimate is biased by about 1 / K. It is the model's own mean; how it compares with others
    is measured on values that were hidden, and which nothing was fitted to or standardised by.

    Args:
      model: a VAE whose likelihood is `Masked`, True where a value is observed: of a decoder
        `networks.masked`, whose condition is the mask. What is not observed is to be a number, 0
        say (`data.observed`): the encoder reads it.
      params: of the model.
      key: one key for all.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K.
      batch_size: how many examples at once, at most.
      progress: wraps the loop.

    Raises:
      TypeError: a likelihood that is not `Masked`, or has no mean.
      ValueError: no data, or observed values outside of the likelihood's support.

    Reference: Mattei, Frellsen 2019, arXiv 1812.02633, eq. 12. (Their MIWAE is the importance-
    weighted bound of what is observed, here `iwae`, and not `miwae`.)
    """
    check_count("num_samples", num_samples)
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples}
    return over_examples(_imputed, model, params, key, data, batch_size, progress, options)


def _imputed(model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int) -> Imputed:
    def draw(k: Key) -> tuple[Array, Event, Event]:
        t = trace(model, params, k, x, c)
        if not isinstance(t.likelihood, Masked):
            raise TypeError(
                "impute asks which values are missing of a Masked likelihood, such as that of"
                f" networks.masked; this model's is a {type(t.likelihood).__name__}."
            )
        log_w = t.likelihood.log_prob(x) + log_prior(t) - log_posterior(t)
        return log_w, t.likelihood.mean(), t.likelihood.mask

    log_w, means, masks = jax.vmap(draw)(draw_keys(key, num_samples))
    weights = jax.nn.softmax(log_w)
    mean = jax.tree.map(lambda leaf: jnp.tensordot(weights, leaf, 1), means)
    mask = jax.tree.map(lambda leaf: leaf[0], masks)  # the same of all draws
    return Imputed(inside(mask, x, mean), 1 / jnp.sum(weights**2))
