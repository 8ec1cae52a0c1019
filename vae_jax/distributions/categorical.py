"""Independent categorical variables."""

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class Categorical(Distribution):
    """Independent variables with K classes each, p(x_d = k) = softmax(logits_d)_k.

        log p(x) = sum_d  log_softmax(logits_d)[x_d]

    The event is an integer array of the shape of the logits without their last axis; for 8-bit
    colours, `logits` is [H, W, C, 256]. A class outside 0 .. K - 1 has log-probability -inf.

    Args:
      logits: unnormalised log-probabilities, [..., K]; -inf for a class that is impossible.
    """

    logits: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes integer classes 0 .. K - 1, K the last axis of its logits"

    def _sample(self, key: Key) -> Array:
        return jax.random.categorical(key, self.logits)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("Categorical", value, self.logits.shape[:-1])
        value = jnp.asarray(value)
        if not jnp.issubdtype(value.dtype, jnp.integer):
            raise TypeError(
                f"Categorical takes integer classes and was given {value.dtype}; cast the value,"
                " e.g. x.astype(int)."
            )
        K = self.logits.shape[-1]
        value = _within(value, K)
        log_p = jax.nn.log_softmax(self.logits)
        chosen = jnp.take_along_axis(log_p, jnp.clip(value, 0, K - 1)[..., None], axis=-1)[..., 0]
        return jnp.where((value >= 0) & (value < K), chosen, -jnp.inf)

    def in_support(self, value: Array) -> Array:
        """Every class an integer in 0 .. K - 1."""
        classes = jnp.asarray(value).astype(jnp.int32)
        return jnp.all((classes == value) & (classes >= 0) & (classes < self.logits.shape[-1]))


def _within(value: Array, num_classes: int) -> Array:
    """As int32: a class as it is, what is none as -1 or the number of classes.

    Cut off in the type it comes in, so far as that reaches: 2^32 would be 0 as an int32, and 256
    classes would be 0 as a uint8.
    """
    ends = jnp.iinfo(value.dtype)
    return jnp.clip(value, max(-1, ends.min), min(num_classes, ends.max)).astype(jnp.int32)
