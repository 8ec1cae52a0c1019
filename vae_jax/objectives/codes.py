"""Terms of models with a codebook."""

import jax
import jax.numpy as jnp

from vae_jax.distributions import Quantised
from vae_jax.objectives.terms import Draw
from vae_jax.types import Array


def commitment(d: Draw) -> Array:
    """|f - e|^2, the features' squared distance from their codes, [].

    Its derivative is the features' alone: the codes follow by moving averages.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, eq. 3 (weight 0.25).
    """
    q = _quantised(d)
    return jnp.sum((q.features - jax.lax.stop_gradient(q.mean())) ** 2)


def perplexity(d: Draw) -> Array:
    """exp of the entropy of the codes' frequencies in the batch, in 1 .. K: how many are in use."""
    q = _quantised(d)
    chosen = jax.nn.one_hot(q.index().ravel(), len(q.codes)).mean(axis=0)
    frequency = jax.lax.pmean(chosen, "batch")
    log_frequency = jnp.log(jnp.where(frequency > 0, frequency, 1.0))  # 0 log 0 = 0
    return jnp.exp(-jnp.sum(frequency * log_frequency))


def _quantised(d: Draw) -> Quantised:
    if not isinstance(d.trace.q, Quantised):
        raise TypeError(
            f"This term is of a model with a codebook, and q is a {type(d.trace.q).__name__}: make"
            " one by models.with_codebook(model, num_codes)."
        )
    return d.trace.q
