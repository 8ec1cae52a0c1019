"""Missing values, given those that are there."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import draw_keys
from vae_jax.checks import check_count
from vae_jax.distributions import Joint, Masked
from vae_jax.distributions.base import Distribution
from vae_jax.distributions.joint import is_part
from vae_jax.distributions.masked import inside
from vae_jax.distributions.means import has_mean
from vae_jax.evaluate.examples import over_examples
from vae_jax.evaluate.support import check_support
from vae_jax.models import VAE, log_posterior, log_prior, trace
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


class Imputed(NamedTuple):
    """Examples without gaps.

    Fields:
      x: what was there, and elsewhere the estimate of its mean, [N, ...]. A part of a `Joint` that
        has no mean, such as classes, is what was there.
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
      model: a VAE whose likelihood is `Masked`, True where a value is observed, or a `Joint` of
        which a part is: of a decoder `networks.masked`, whose condition is the mask. What is not
        observed is to be a number, 0 say (`data.observed`): the encoder reads it.
      params: of the model.
      key: one key for all.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K.
      batch_size: how many examples at once, at most.
      progress: wraps the loop.

    Raises:
      TypeError: a likelihood that is not `Masked`; or a value is missing of a part without a mean.
      ValueError: no data, or observed values outside of the likelihood's support.

    Reference: Mattei, Frellsen 2019, arXiv 1812.02633, eq. 12. (Their MIWAE is the importance-
    weighted bound of what is observed, here `iwae`, and not `miwae`.)
    """
    check_count("num_samples", num_samples)
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples}
    given = (model, params, key, data, batch_size, progress, options)
    found, without = over_examples(_imputed, *given)
    if without.any():
        raise TypeError(
            f"Values are missing of {without.sum()} examples, the first x[{without.argmax()}], of a"
            " part of the likelihood that has no mean, such as classes: impute fills numbers alone."
            " Draw the rest with `generate.reconstruct`, or leave these examples out."
        )
    return found


def _imputed(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int
) -> tuple[Imputed, Array]:
    """And whether a value is missing of what has no mean."""

    def draw(k: Key) -> tuple[Array, Event, Event]:
        t = trace(model, params, k, x, c)
        log_w = t.likelihood.log_prob(x) + log_prior(t) - log_posterior(t)
        if not _is_masked(t.likelihood):
            raise TypeError(
                "impute asks which values are missing of a Masked likelihood, such as that of"
                f" networks.masked; this model's is a {type(t.likelihood).__name__}."
            )
        return log_w, _means(t.likelihood), _there(t.likelihood, x)

    log_w, means, there = jax.vmap(draw)(draw_keys(key, num_samples))
    weights = jax.nn.softmax(log_w)
    mean = jax.tree.map(lambda leaf: jnp.tensordot(weights, leaf, 1), means)
    there = jax.tree.map(lambda leaf: leaf[0], there)  # the same of all draws
    filled = jax.tree.map(_filled, mean, x, there, is_leaf=_is_none)
    without = jax.tree.leaves(jax.tree.map(_is_without, mean, there, is_leaf=_is_none))
    return Imputed(filled, 1 / jnp.sum(weights**2)), jnp.any(jnp.stack(without))


def _is_masked(distribution: Distribution) -> bool:
    if isinstance(distribution, Joint):
        return any(map(_is_masked, jax.tree.leaves(distribution.parts, is_leaf=is_part)))
    return isinstance(distribution, Masked)


def _there(distribution: Distribution, x: Event) -> Event:
    """Where the values of x are there, bool."""
    if isinstance(distribution, Joint):
        return jax.tree.map(_there, distribution.parts, x, is_leaf=is_part)
    if isinstance(distribution, Masked):
        own = _there(distribution.distribution, x)
        return inside(distribution.mask, own, jax.tree.map(jnp.zeros_like, own))
    return jax.tree.map(lambda leaf: jnp.ones(leaf.shape, bool), x)


def _means(distribution: Distribution) -> Event:
    """The means of all parts, and None of those without."""
    if isinstance(distribution, Masked):
        return _means(distribution.distribution)
    if isinstance(distribution, Joint):
        return jax.tree.map(_means, distribution.parts, is_leaf=is_part)
    return distribution.mean() if has_mean(distribution) else None


def _is_none(node: Event) -> bool:
    return node is None


def _filled(mean: Event, x: Event, there: Event) -> Event:
    return x if mean is None else jnp.where(there, x, mean)


def _is_without(mean: Event, there: Event) -> Array:
    """Whether a value is missing of what has no mean."""
    if mean is not None:
        return jnp.zeros((), bool)
    return jnp.any(jnp.stack([jnp.any(~leaf) for leaf in jax.tree.leaves(there)]))
