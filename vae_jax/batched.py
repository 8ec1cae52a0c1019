"""The front door for networks that must see the whole batch: BatchNorm, modules with state.

`elbo`, `sampled_elbo`, `iwae` and `log_likelihood` as in `vae_jax.bounds`, with a batch axis B
where one example was:

    encode: x [B, ...] -> q, every parameter of which has a leading axis B
    decode: z [N, ...] -> p(x|z), every parameter with a leading axis N = K * B: all K draws of
        all B examples are decoded in one call, so that a module with state is called once
    prior: p(z) of one example

The leading axis is taken at its word: a scale [D] shared by all examples, where D happens to equal
B, would be read as one scale for each example. Broadcast what is shared to [B, D].

What comes back has shape [B]: per-example numbers, for the caller to average. Mind that a network
which pools over its batch couples the examples: the bound of one depends on the others.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.bounds.draws import Decode, Encode, by_itself, draw_keys, sample_keys
from vae_jax.bounds.elbo import ELBO
from vae_jax.bounds.functionals import iwae_bound
from vae_jax.bounds.likelihood import LogLikelihood, streamed_log_likelihood
from vae_jax.checks import (
    check_batch,
    check_count,
    check_example,
    check_key,
    check_likelihood,
    check_posterior,
    check_reparameterized,
)
from vae_jax.distributions import Distribution
from vae_jax.divergences import kl
from vae_jax.types import Array, Event, Key


def elbo(
    key: Key, x: Event, encode: Encode, decode: Decode, prior: Distribution, *, num_samples: int = 1
) -> ELBO:
    """The evidence lower bound of each example, the rate in closed form: see `bounds.elbo`.

    Returns:
      ELBO(value, distortion, rate), nats, [B] each.
    """
    q = _posterior(key, x, encode, prior, differentiated=True)
    z, _ = _draw(q, draw_keys(key, num_samples), _batch_size(x))
    distortion = -jnp.mean(_log_likelihoods(key, x, decode, z), axis=0)
    rate = jax.vmap(lambda q_i: kl(q_i, prior))(q)
    return ELBO(-distortion - rate, distortion, rate)


def sampled_elbo(
    key: Key, x: Event, encode: Encode, decode: Decode, prior: Distribution, *, num_samples: int = 1
) -> ELBO:
    """The evidence lower bound of each example, the rate sampled: see `bounds.sampled_elbo`.

    Returns:
      ELBO(value, distortion, rate), nats, [B] each.
    """
    q = _posterior(key, x, encode, prior, differentiated=True)
    z, log_q = _draw(q, draw_keys(key, num_samples), _batch_size(x))
    distortion = -jnp.mean(_log_likelihoods(key, x, decode, z), axis=0)
    rate = jnp.mean(log_q - jax.vmap(jax.vmap(prior.log_prob))(z), axis=0)
    return ELBO(-distortion - rate, distortion, rate)


def iwae(
    key: Key, x: Event, encode: Encode, decode: Decode, prior: Distribution, *, num_samples: int
) -> Array:
    """The importance-weighted bound of each example: see `bounds.iwae`.

    Returns:
      [B] nats.
    """
    check_count("num_samples", num_samples)
    q = _posterior(key, x, encode, prior, differentiated=True)
    log_w = _log_weights(key, x, decode, prior, q, jnp.arange(num_samples))  # [K, B]
    return iwae_bound().value(log_w)


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
    """log p(x) of each example by importance sampling: see `bounds.log_likelihood`.

    `decode` runs inside a loop, so here it must not update a module's state: switch BatchNorm to
    its running averages, as for any evaluation.

    Returns:
      LogLikelihood(value, ess, standard_error), [B] each.
    """
    q = _posterior(key, x, encode, prior, differentiated=False)
    key = by_itself(key)

    def log_weights(index: Array) -> Array:
        return _log_weights(key, x, decode, prior, q, index)

    shape = (_batch_size(x),)
    return streamed_log_likelihood(log_weights, num_samples, chunk_size, shape)


def _posterior(
    key: Key, x: Event, encode: Encode, prior: Distribution, differentiated: bool
) -> Distribution:
    check_key(key)
    check_example(x)
    q = encode(x)
    check_batch("What encode(x) returns", q, _batch_size(x))
    check_posterior(_first(q), prior, key)
    if differentiated:
        check_reparameterized(q)
    return q


def _draw(q: Distribution, keys: Key, batch_size: int) -> tuple[Event, Array]:
    """z [K, B, ...] and log q(z|x) [K, B]."""

    def draw(key: Key) -> tuple[Event, Array]:
        each = jax.random.split(key, batch_size)
        return jax.vmap(lambda q_i, k: q_i.sample_and_log_prob(k))(q, each)

    return jax.vmap(draw)(keys)


def _log_weights(
    key: Key, x: Event, decode: Decode, prior: Distribution, q: Distribution, index: Array
) -> Array:
    z, log_q = _draw(q, sample_keys(key, index), _batch_size(x))
    log_prior = jax.vmap(jax.vmap(prior.log_prob))(z)
    return _log_likelihoods(key, x, decode, z) + log_prior - log_q  # [K, B]


def _log_likelihoods(key: Key, x: Event, decode: Decode, z: Event) -> Array:
    """log p(x|z), [K, B] nats, for z [K, B, ...] decoded in one call."""
    K, B = jax.tree.leaves(z)[0].shape[:2]
    likelihood = decode(jax.tree.map(lambda leaf: leaf.reshape(K * B, *leaf.shape[2:]), z))
    check_batch("What decode(z) returns", likelihood, K * B)
    check_likelihood(_first(likelihood), _first(x), key)
    per_draw = jax.tree.map(lambda leaf: leaf.reshape(K, B, *leaf.shape[1:]), likelihood)
    log_prob: Callable[..., Array] = jax.vmap(lambda p, x_i: p.log_prob(x_i))
    return jax.vmap(log_prob, in_axes=(0, None))(per_draw, x)


def _batch_size(x: Event) -> int:
    return jax.tree.leaves(x)[0].shape[0]


def _first(tree: Event) -> Event:
    return jax.tree.map(lambda leaf: leaf[0], tree)
