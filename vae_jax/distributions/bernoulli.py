"""Independent Bernoulli variables."""

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, check_shape
from vae_jax.types import Array, Key


class Bernoulli(Distribution):
    """Independent binary variables, x_d = 1 with probability sigmoid(logits_d).

        log p(x) = sum_d  x_d log sigmoid(l_d) + (1 - x_d) log sigmoid(-l_d),   l = logits

    Right at every logit, and so are its derivatives: there is no sigmoid inside a log, and no
    clipping. A logit of +inf is a certain 1, with log-probability 0, and an impossible 0.
    A value other than 0 and 1 has log-probability -inf: the formula would give a grey level a
    number, positive at 255, that is no log-probability. Draw binary pixels from grey levels with
    `vae_jax.data.binarise`.

    Args:
      logits: log p / (1 - p), the event's shape.
    """

    logits: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = (
        "takes the values 0 and 1. For grey levels, draw binary pixels from them"
        " (vae_jax.data.binarise), or use a density on [0, 1], such as ContinuousBernoulli"
    )

    def _sample(self, key: Key) -> Array:
        draw = jax.random.bernoulli(key, jax.nn.sigmoid(self.logits))
        return draw.astype(self.logits.dtype)

    def _log_prob(self, value: Array) -> Array:
        return jnp.where(self.in_support(value), jnp.sum(self._masses(value)), -jnp.inf)

    def _log_prob_factors(self, value: Array) -> Array:
        inside = (value == 0) | (value == 1)
        return jnp.where(inside, self._masses(value).reshape(self.logits.shape), -jnp.inf)

    def _masses(self, value: Array) -> Array:  # a vector; of 0s and 1s
        check_shape("Bernoulli", value, self.logits.shape)
        logits = jnp.ravel(self.logits)  # a last axis of one channel would not be vectorised
        return _log_mass(logits, jnp.ravel(value).astype(logits.dtype))

    def mean(self) -> Array:
        """sigmoid(logits)."""
        return jax.nn.sigmoid(self._promoted().logits)

    def in_support(self, value: Array) -> Array:
        """Every value 0 or 1."""
        return jnp.all((value == 0) | (value == 1))


@jax.custom_jvp
def _log_mass(logits: Array, x: Array) -> Array:
    """x log sigmoid(l) + (1 - x) log sigmoid(-l), of each dimension."""
    toward = (2 * x - 1) * logits  # log p = -softplus(-toward)
    return jnp.minimum(toward, 0) - jnp.log1p(jnp.exp(-jnp.abs(logits)))


@_log_mass.defjvp
def _log_mass_jvp(at: tuple[Array, Array], moved: tuple[Array, Array]) -> tuple[Array, Array]:
    # By hand: right at l = 0 as well, in the second derivative too, and faster (docs/design.md).
    (logits, x), (d_logits, d_x) = at, moved
    slope = jnp.where(jnp.isfinite(logits), logits, 0.0)  # 0 inf = NaN, where x does not move
    return _log_mass(logits, x), (x - jax.nn.sigmoid(logits)) * d_logits + slope * d_x
