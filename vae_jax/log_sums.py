"""Sums of weights that are known by their logarithms."""

import jax
import jax.numpy as jnp

from vae_jax.types import Array


def log_sum_exp(log_w: Array) -> Array:
    """log sum_k exp(log_w_k), over the leading axis.

    Its derivative is softmax(log_w), and that of a weight of zero, log_w_k = -inf, is zero whatever
    the derivative of log_w_k; also where all are zero and the value is -inf, of which the softmax
    would be NaN.
    """
    possible = log_w != -jnp.inf  # NaN is none of them: it stays
    # what is put in for a weight of zero carries no derivative: -inf, or, beside no other, a 0
    instead = jnp.where(jnp.any(possible, axis=0), -jnp.inf, 0.0)
    total = jax.nn.logsumexp(jnp.where(possible, log_w, instead[None]), axis=0)
    return jnp.where(jnp.any(possible, axis=0), total, -jnp.inf)
