"""Counts: 0, 1, 2, ... without an upper end."""

import math

import jax
import jax.numpy as jnp

from vae_jax.distributions.base import Distribution, Measure, check_shape
from vae_jax.distributions.stirling import deviance, rest
from vae_jax.types import Array, Key

_LOG_2PI = math.log(2 * math.pi)
_STEEPEST = 40.0  # log_theta from which on a negative binomial is a Poisson


class Poisson(Distribution):
    """Independent counts of the means exp(log_rate_d).

        log p(x) = sum_d  x_d log_rate_d - exp(log_rate_d) - log x_d!

    The event is an array of whole numbers, of an integer or a floating type. A value that is no
    count has log-probability -inf. Computed from deviances, because float32 has not the digits of
    log x! at 10^6.

    Args:
      log_rate: the log of the mean (not the rate of a bound), the event's shape.
    """

    log_rate: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes counts: whole numbers of at least 0"

    def _sample(self, key: Key) -> Array:
        return jax.random.poisson(key, jnp.exp(self.log_rate))

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        check_shape("Poisson", value, self.log_rate.shape)
        x = jnp.asarray(value).astype(self.log_rate.dtype)
        possible = jnp.isfinite(jnp.exp(self.log_rate))  # of infinitely many each has mass 0
        log_rate = jnp.where(possible, self.log_rate, 0.0)  # and no derivative: 0 inf = NaN
        rate, count = jnp.exp(log_rate), jnp.maximum(x, 1.0)
        log_x = jnp.log(count)
        some = -deviance(count, rate - count, log_rate - log_x) - rest(count, log_x)
        log_p = jnp.where(x < 1, -rate, some - 0.5 * (log_x + _LOG_2PI))
        return jnp.where(_is_count(jnp.asarray(value)) & possible, log_p, -jnp.inf)

    def mean(self) -> Array:
        """exp(log_rate)."""
        return jnp.exp(self._promoted().log_rate)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number of at least 0."""
        return jnp.all(_is_count(jnp.asarray(value)))


class NegativeBinomial(Distribution):
    """Independent counts that vary by more than Poisson variables do.

        log p(x) = sum_d  log Gamma(x_d + t_d) - log Gamma(t_d) - log x_d!
                          + t_d log(t_d / (t_d + m_d)) + x_d log(m_d / (t_d + m_d))
        m = exp(log_mean),   t = exp(log_theta),   variance = m + m^2 / t

    t is the inverse of the dispersion, "theta" in scVI's code: a Poisson variable whose rate is
    drawn from a Gamma of shape t and mean m. As t grows it becomes a Poisson: where log_theta is
    over 40 it is taken to be 40, of which the log-probability differs by less than
    (x^2 + m^2) e^-40.

    Computed from deviances and the rests of Stirling's series: differences of log Gamma in float32
    are wrong by ones from 10^6 on. A value that is no count has log-probability -inf.

    Args:
      log_mean: the log of the mean, the event's shape.
      log_theta: the log of the inverse dispersion, the event's shape.

    Reference: Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics; Loader
    2000, Fast and accurate computation of binomial probabilities.
    """

    log_mean: Array
    log_theta: Array

    reparameterized = False
    independent = True
    base_measure = "counts"
    support = "takes counts: whole numbers of at least 0"

    def _sample(self, key: Key) -> Array:
        rate_key, count_key = jax.random.split(key)
        log_theta = jnp.minimum(self.log_theta, _STEEPEST)
        log_gamma = jax.random.loggamma(rate_key, jnp.exp(log_theta))
        rate = jnp.exp(self.log_mean + log_gamma - log_theta)
        return jax.random.poisson(count_key, jax.lax.stop_gradient(rate))

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        if jnp.shape(self.log_theta) != jnp.shape(self.log_mean):
            raise ValueError(
                f"NegativeBinomial: log_mean has shape {jnp.shape(self.log_mean)} and log_theta"
                f" {jnp.shape(self.log_theta)}; both must be the event's."
            )
        check_shape("NegativeBinomial", value, self.log_mean.shape)
        x = jnp.asarray(value).astype(self.log_mean.dtype)
        possible = jnp.isfinite(jnp.exp(self.log_mean))  # of infinitely many each has mass 0
        log_mean = jnp.where(possible, self.log_mean, 0.0)
        log_p = _log_mass(x, log_mean, jnp.minimum(self.log_theta, _STEEPEST))
        return jnp.where(_is_count(jnp.asarray(value)) & possible, log_p, -jnp.inf)

    def mean(self) -> Array:
        """exp(log_mean)."""
        return jnp.exp(self._promoted().log_mean)

    def in_support(self, value: Array) -> Array:
        """Every value a whole number of at least 0."""
        return jnp.all(_is_count(jnp.asarray(value)))


class ZeroInflated(Distribution):
    """Counts, each of which is 0 for another reason as well: it was not detected, say.

        p(0) = pi + (1 - pi) p_0(0),   p(x) = (1 - pi) p_0(x) for x > 0,   pi = sigmoid(logits)

    Of a `NegativeBinomial` it is scVI's "ZINB".

    Args:
      distribution: p_0, whose log-density has a factor for each value of the event: a Poisson or a
        NegativeBinomial.
      logits: of pi, the event's shape.

    Raises:
      TypeError: by log_prob, where p_0 is no mass of counts.
      ValueError: by log_prob, where the logits have not the event's shape.
    """

    distribution: Distribution
    logits: Array

    reparameterized = False
    support = "takes counts: whole numbers of at least 0"

    @property
    def base_measure(self) -> Measure:
        """That of the counts."""
        return self.distribution.base_measure

    @property
    def independent(self) -> bool:
        """That of the counts."""
        return self.distribution.independent

    def _sample(self, key: Key) -> Array:
        zero_key, count_key = jax.random.split(key)
        is_zero = jax.random.bernoulli(zero_key, jax.nn.sigmoid(self.logits))
        count = self.distribution.sample(count_key)
        return jnp.where(is_zero, jnp.zeros_like(count), count)

    def _log_prob(self, value: Array) -> Array:
        return jnp.sum(self._log_prob_factors(value))

    def _log_prob_factors(self, value: Array) -> Array:
        if self.base_measure != "counts":
            raise TypeError(
                "ZeroInflated adds a mass at 0 to masses of counts, such as a NegativeBinomial;"
                f" {type(self.distribution).__name__} has the base measure {self.base_measure!r}."
            )
        check_shape("ZeroInflated", value, self.logits.shape)
        counted = jax.nn.log_sigmoid(-self.logits) + self.distribution.log_prob_factors(value)
        zero = jnp.logaddexp(jax.nn.log_sigmoid(self.logits), counted)
        return jnp.where(jnp.asarray(value) == 0, zero, counted)

    def mean(self) -> Array:
        """(1 - pi) times that of the counts."""
        return jax.nn.sigmoid(-self._promoted().logits) * self.distribution.mean()

    def in_support(self, value: Array) -> Array:
        """In that of the counts."""
        return self.distribution.in_support(value)


def _log_mass(x: Array, log_mean: Array, log_theta: Array) -> Array:
    """Of a negative binomial, each value by itself; x at least 0."""
    mean, theta = jnp.exp(log_mean), jnp.exp(log_theta)
    log_share = jax.nn.log_sigmoid(log_theta - log_mean)  # log t / (t + m)
    # of no count t log_share; where t is large, of which the derivative is a small difference
    steep = deviance(theta, mean, -log_share) - mean
    none = jnp.where(mean < 0.1 * theta, steep, theta * log_share)
    count = jnp.maximum(x, 1.0)
    log_x, apart = jnp.log(count), jnp.exp(log_share) * (count - mean)
    log_both = jnp.logaddexp(log_x, log_theta)
    log_ratio = _log_ratio(log_x, log_mean, log_theta)
    cost = deviance(theta, apart, log_ratio)
    cost += deviance(count, -apart, log_ratio + log_mean - log_x)
    rests = rest(count + theta, log_both) - rest(theta, log_theta) - rest(count, log_x)
    some = rests - cost - 0.5 * (jax.nn.softplus(log_x - log_theta) + log_x + _LOG_2PI)
    return jnp.where(x < 1, none, some)


def _log_ratio(log_x: Array, log_mean: Array, log_theta: Array) -> Array:
    """log (x + t) / (m + t), in whose derivative by a large log t no digits are lost."""
    steep = log_theta > jnp.maximum(log_x, log_mean)
    tall = jnp.where(steep, log_theta, 0.0)
    by_theta = jax.nn.softplus(log_x - tall) - jax.nn.softplus(log_mean - tall)
    flat = jnp.logaddexp(log_x, log_theta) - jnp.logaddexp(log_mean, log_theta)
    return jnp.where(steep, by_theta, flat)


def _is_count(value: Array) -> Array:
    return jnp.isfinite(value) & (value >= 0) & (value == jnp.floor(value))
