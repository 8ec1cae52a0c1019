"""FactorVAE, as terms and two players: Kim, Mnih 2018, arXiv 1802.05983, algorithm 2."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from vae_jax import Player, Term, alternate, distortion, rate, weighted_sum

CRITIC = nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(1)])


def first_critic(key, x, c, z):
    return CRITIC.init(key, z)["params"]


def logit(params, z):
    return CRITIC.apply({"params": params["critic"]}, z)[0]


def permuted(z, key):
    """Each dimension of z of another example of the batch: one permutation key for all of it."""
    everyone = jax.lax.all_gather(z, "batch")  # [B, D]
    keys = jax.random.split(jax.lax.all_gather(key, "batch")[0], z.size)
    order = jax.vmap(lambda k: jax.random.permutation(k, len(everyone)))(keys)  # [D, B]
    mine = order[:, jax.lax.axis_index("batch")]
    return everyone[mine, jnp.arange(z.size)]


def total_correlation(d):
    return logit(d.params, d.trace.z)


def discrimination(d):
    """Of z, and of z whose dimensions are another's; the encoder is not to help."""
    z = jax.lax.stop_gradient(d.trace.z)
    real, mixed = logit(d.params, z), logit(d.params, permuted(z, d.key))
    return jax.nn.softplus(-real) + jax.nn.softplus(mixed)


CORRELATED = [
    Term("distortion", distortion),
    Term("rate", rate),
    Term("total_correlation", total_correlation, 5.0),
]
DISCRIMINATED = [Term("d", discrimination)]


def factor_step(model, optimizer):
    """The VAE and the critic in turn; the model has the group "critic"."""
    return alternate(
        Player("vae", weighted_sum(model, CORRELATED), ("encoder", "decoder"), optimizer),
        Player("critic", weighted_sum(model, DISCRIMINATED), ("critic",), optimizer),
    )
