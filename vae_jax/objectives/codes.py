"""Terms of models with codes: sums over positions and channels, means over the batch, as of all.

So they balance the log-likelihood in nats, and a model does not change with the batch's size. In
the code of van den Oord et al. 2017 both are means instead, over positions and channels, beside a
squared error that is a mean over the D values of x, divided by their variance. That is

    distortion + mean_over_values(codebook) + 0.25 mean_over_values(commitment)

but for a constant, where the likelihood is a Gaussian of sigma^2 = D Var / 2 (`--scale data_vqvae`,
`DataScale`); of P positions and C channels the sums then weigh 1 / (P C). Or, the same loss times
P C, sums of weight 1 where sigma^2 = D Var / (2 P C).
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.distributions import Lattice, Quantised
from vae_jax.distributions.base import at_least_float32
from vae_jax.objectives.terms import Draw
from vae_jax.types import Array

Value = Callable[[Draw], Array]


def commitment(d: Draw) -> Array:
    """|f - sg(e)|^2, the features' squared distance from their codes, [].

    Its derivative is the features' alone. Of residual codes the sum over the stages, each of what
    those before it leave over.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, eq. 3 (weight 0.25).
    """
    inputs, chosen = _pairs(d)
    return jnp.sum((inputs - jax.lax.stop_gradient(chosen)) ** 2)


def codebook(d: Draw) -> Array:
    """|sg(f) - e|^2, the same number with the codes' derivative alone.

    Of codes that follow by moving averages it is reported, and moves nothing.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, eq. 3 (weight 1).
    """
    inputs, chosen = _pairs(d)
    return jnp.sum((jax.lax.stop_gradient(inputs) - chosen) ** 2)


def mean_over_values(of: Value) -> Value:
    """A term over the P C values of the features, [*positions, C], as a mean of them.

    Term("commitment", mean_over_values(commitment), 0.25)
    """

    def value(d: Draw) -> Array:
        return of(d) / math.prod(_quantised(d).features.shape)

    return value


def entropy_gap(temperature: float = 1.0) -> Value:
    """The mean entropy of soft choices less the entropy of their mean, of a lattice's codes.

        sum_n H(q_n) - N H(mean_n q_n),   q_n(k) ~ exp(-|f_n - z_k|^2 / temperature),   N positions

    the mean over positions and batch. It falls as choices become certain, and as all codes come
    into use. Channels are independent in q_n; in the mean they are taken to be, by which its H is
    an upper bound of the codes' entropy.

    Args:
      temperature: above 0. The tau of BSQ, of exp(tau u z), is 2 / temperature.

    Reference: Yu et al. 2023, arXiv 2310.05737, section 3.1; Zhao, Xiong, Krahenbuhl 2024,
    arXiv 2406.07548, section 4, which takes the channels of the mean to be independent too.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0; got {temperature}.")

    def value(d: Draw) -> Array:
        log_q = _soft(_quantised(d), temperature)  # [N, D, L]
        mean = jax.lax.pmean(jnp.mean(jnp.exp(log_q), axis=0), "batch")
        each = -jnp.sum(jnp.exp(log_q) * jnp.where(log_q == -jnp.inf, 0.0, log_q))
        log_mean = jnp.log(jnp.where(mean > 0, mean, 1.0))
        return each + len(log_q) * jnp.sum(mean * log_mean)

    return value


def perplexity(d: Draw) -> Array:
    """exp of the entropy of the codes' frequencies in the batch, in 1 .. K: how many are in use.

    Of several groups, or stages, of the mean of their entropies.
    """
    frequency = _frequencies(d)  # [P, K]
    log_frequency = jnp.log(jnp.where(frequency > 0, frequency, 1.0))  # 0 log 0 = 0
    return jnp.exp(-jnp.sum(frequency * log_frequency) / len(frequency))


def usage(d: Draw) -> Array:
    """The fraction of all codes that are in use in the batch, in 0 .. 1."""
    return jnp.mean(_frequencies(d) > 0)


def _pairs(d: Draw) -> tuple[Array, Array]:
    """What each part's code stands for, and the code, [*positions, P, D'] each; of a stage that is
    left out zeros."""
    q = _quantised(d)
    index = q.index()
    inputs = q.codes.inputs(q.features, index)
    known = (index < q.codes.size[1])[..., None]
    return jnp.where(known, inputs, 0.0), q.codes.chosen(index)


def _soft(q: Quantised, temperature: float) -> Array:
    """log q of the levels of each channel at each position, [N, D, L]; -inf beyond its own."""
    if not isinstance(q.codes, Lattice):
        raise TypeError(
            f"entropy_gap is of a lattice's codes (with_lfq, with_bsq, with_fsq), and these are"
            f" {type(q.codes).__name__}."
        )
    codes, k = q.codes, jnp.arange(max(q.codes.levels))
    levels = codes.first[:, None] + codes.step[:, None] * k[None]  # [D, L]
    f = at_least_float32(q.features).reshape(-1, len(levels))[..., None]
    is_there = k[None] < jnp.array(codes.levels)[:, None]
    logits = jnp.where(is_there[None], -((f - levels[None]) ** 2) / temperature, -jnp.inf)
    return jax.nn.log_softmax(logits)


def _frequencies(d: Draw) -> Array:
    """Of the codes of each part in the batch, [P, K]."""
    q = _quantised(d)
    parts, values = q.codes.size
    index = jax.lax.all_gather(q.index(), "batch").reshape(-1, parts)  # so that K is there once
    counts = jnp.zeros((parts, values)).at[jnp.arange(parts), index].add(1.0, mode="drop")
    return counts / jnp.maximum(jnp.sum(counts, axis=1, keepdims=True), 1.0)


def _quantised(d: Draw) -> Quantised:
    if not isinstance(d.trace.q, Quantised):
        raise TypeError(
            f"This term is of a model with codes, and q is a {type(d.trace.q).__name__}: make one"
            " by models.with_codebook(model, num_codes), or another of its kind."
        )
    return d.trace.q
