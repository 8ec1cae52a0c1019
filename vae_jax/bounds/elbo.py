"""The evidence lower bound."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import Decode, Encode, draw_keys, likelihood, reparameterized_posterior
from vae_jax.bounds.score_free import along
from vae_jax.distributions import Distribution
from vae_jax.divergences import kl
from vae_jax.types import Array, Event, Key


class ELBO(NamedTuple):
    """An evidence lower bound and its two parts: value = -distortion - rate. Nats, [] each."""

    value: Array
    distortion: Array
    rate: Array


def elbo(
    key: Key, x: Event, encode: Encode, decode: Decode, prior: Distribution, *, num_samples: int = 1
) -> ELBO:
    """The evidence lower bound, with the rate in closed form.

        ELBO = mean_k log p(x|z_k) - KL(q(z|x) || p(z)),   z_k ~ q(z|x)

    Args:
      key: one typed key.
      x: one example.
      encode: x -> q(z|x), reparameterized.
      decode: z -> p(x|z), over events of the shape of x.
      prior: p(z), of a family for which `kl(q, prior)` has a closed form.
      num_samples: K, the draws for the distortion.

    Returns:
      ELBO(value, distortion, rate), nats.

    Raises:
      TypeError: something is not what it should be (a key, a distribution), the posterior is not
        reparameterized, or the rate has no closed form (then `sampled_elbo`).
      ValueError: shapes that do not agree, num_samples < 1.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, eq. 7.
    """
    q = reparameterized_posterior(key, x, encode, prior)

    def log_likelihood_of(k: Key) -> Array:
        return likelihood(key, x, decode, q.sample(k)).log_prob(x)

    distortion = -jnp.mean(jax.vmap(log_likelihood_of)(draw_keys(key, num_samples)))
    rate = kl(q, prior)
    return ELBO(-distortion - rate, distortion, rate)


def sampled_elbo(
    key: Key,
    x: Event,
    encode: Encode,
    decode: Decode,
    prior: Distribution,
    *,
    num_samples: int = 1,
    score_free: bool = False,
) -> ELBO:
    """The evidence lower bound, with the rate estimated from the same draws.

        ELBO = mean_k [ log p(x|z_k) + log p(z_k) - log q(z_k|x) ],   z_k ~ q(z|x)

    For any reparameterized posterior and any prior with a density: mixtures of Gaussians as priors,
    flows, other libraries' distributions.

    Args:
      key, x, encode, decode, prior, num_samples: as for `elbo`.
      score_free: leave the score of q out of the gradient. Then q's gradient is exactly zero where
        q is the posterior. For Gaussians its variance is the lower one where q is at least
        sqrt(1/2) as wide as the posterior, and the higher one for narrower q. Take it under `jit`.
        The posterior must have a density at every z (`log_prob`).

    Returns:
      ELBO(value, distortion, rate), nats. A single draw's rate may be negative.

    Raises:
      as `elbo`, but for the closed form.

    Reference: Kingma, Welling 2013, arXiv 1312.6114, eq. 6; score_free: Roeder, Wu, Duvenaud 2017,
      arXiv 1703.09194.
    """
    q = reparameterized_posterior(key, x, encode, prior)

    def parts(k: Key) -> tuple[Array, Array]:
        z, log_q = q.sample_and_log_prob(k)
        log_q = along(q.log_prob, z, log_q) if score_free else log_q
        return -likelihood(key, x, decode, z).log_prob(x), log_q - prior.log_prob(z)

    distortion, rate = map(jnp.mean, jax.vmap(parts)(draw_keys(key, num_samples)))
    return ELBO(-distortion - rate, distortion, rate)
