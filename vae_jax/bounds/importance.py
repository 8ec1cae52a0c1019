"""Importance-weighted bounds: tighter with every draw."""

import jax

from vae_jax.bounds.draws import Decode, Encode, draw_keys, likelihood, reparameterized_posterior
from vae_jax.bounds.functionals import (
    Bound,
    ciwae_bound,
    iwae_bound,
    miwae_bound,
)
from vae_jax.bounds.score_free import score_free_bound
from vae_jax.checks import check_count
from vae_jax.distributions import Distribution
from vae_jax.types import Array, Event, Key


def iwae(
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    *,
    num_samples: int,
    score_free: bool = False,
) -> Array:
    """The importance-weighted bound: log mean_k w_k.

    Args:
      key, x, encode, decode, prior: as for `sampled_elbo`.
      num_samples: K; with 1 this is the ELBO, and it grows with K toward log p(x).
      score_free: use the doubly reparameterized gradient for the posterior: the same expectation,
        and mostly a lower variance where q is at least as wide as the posterior; a higher one is
        possible where q is narrower or off its centre. Take it under `jit`. The posterior must have
        a density at every z (`log_prob`).

    Returns:
      [] nats.

    Raises:
      as `sampled_elbo`.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, eq. 8; score_free: Tucker et
      al. 2019, arXiv 1810.04152.
    """
    check_count("num_samples", num_samples)
    bound = iwae_bound()
    return _importance_weighted(bound, key, x, encode, decode, prior, num_samples, score_free)


def miwae(
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    *,
    num_groups: int,
    num_samples: int,
    score_free: bool = False,
) -> Array:
    """The mean of M importance-weighted bounds: 1/M sum_m log 1/K sum_k w_mk.

    Args:
      key, x, encode, decode, prior, score_free: as for `iwae`.
      num_groups: M, the average outside the logarithm.
      num_samples: K, the average inside it; M * K draws in all.

    Returns:
      [] nats.

    Raises:
      as `sampled_elbo`.

    Reference: Rainforth et al. 2018, arXiv 1802.04537, "New estimators".
    """
    check_count("num_samples", num_samples)
    bound, draws = miwae_bound(num_groups), num_groups * num_samples
    return _importance_weighted(bound, key, x, encode, decode, prior, draws, score_free)


def ciwae(
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    *,
    num_samples: int,
    beta: float,
    score_free: bool = False,
) -> Array:
    """The combination beta * ELBO + (1 - beta) * IWAE_K, of the same K draws.

    Args:
      key, x, encode, decode, prior, num_samples, score_free: as for `iwae`.
      beta: in [0, 1].

    Returns:
      [] nats.

    Raises:
      as `sampled_elbo`; ValueError for beta outside [0, 1].

    Reference: Rainforth et al. 2018, arXiv 1802.04537, "New estimators".
    """
    check_count("num_samples", num_samples)
    bound = ciwae_bound(beta)
    return _importance_weighted(bound, key, x, encode, decode, prior, num_samples, score_free)


def _importance_weighted(
    bound: Bound,
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    num_draws: int,
    score_free: bool,
) -> Array:
    q = reparameterized_posterior(key, x, encode, prior)
    keys = draw_keys(key, num_draws)

    def log_joint(z: Event) -> Array:
        return likelihood(key, x, decode, z).log_prob(x) + prior.log_prob(z)

    def log_weight(k: Key) -> Array:
        z, log_q = q.sample_and_log_prob(k)
        return log_joint(z) - log_q

    def log_densities(z: Event) -> tuple[Array, Array]:
        return log_joint(z), q.log_prob(z)

    if score_free:
        return score_free_bound(bound, q.sample_and_log_prob, log_densities, keys)
    return bound.value(jax.vmap(log_weight)(keys))
