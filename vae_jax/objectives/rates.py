"""Terms that ask for a certain rate: against posterior collapse.

Each is another term than "rate", which stays beside it at weight 0, so that "bound" is reported as
it is without them:

    weighted_sum(model, [
        Term("distortion", distortion),
        Term("rate", rate, 0.0),
        Term("free_bits", free_bits(0.5)),
    ])

A rate that is paid for is no information yet: q(z|x) may be far from the prior and the same for
every x. Look at `evaluate.mutual_information`; `information` is that of a batch.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vae_jax.distributions import Distribution
from vae_jax.objectives.terms import Draw, Weight, rate, rate_factors, weight_at
from vae_jax.types import Array, Event

Rates = Callable[[Draw], Event]  # of each group, nats


def free_bits(nats: float, of: Rates = rate_factors) -> Callable[[Draw], Array]:
    """The value of a term: the rate, where the first nats of each group cost no more than they do.

        sum_g max(nats, E[rate_g]),   E: the mean over the batch, on all devices

    A group whose mean rate is below `nats` has no gradient, and nothing draws it to the prior. The
    mean is taken first: the maximum of each example's own rate would leave those alone that need
    none, and pull at those that need more.

    The loss is not the negative ELBO, and not to be reported as one: it is above it by up to `nats`
    for each group. With several draws of each example the maximum is of each draw's mean; in closed
    form all draws of one latent have the same.

    Args:
      nats: lambda, of each group.
      of: the rates of the groups, an array or a tree: `rate_factors`, each dimension of z is one;
        `rate` or `sampled_rate`, all are one; lambda d: rate_factors(d).sum((0, 1)), each channel
        of a map of latents.

    Raises:
      ValueError: nats < 0 (or NaN).

    Reference: Kingma et al. 2016, arXiv 1606.04934, eq. 15.
    """
    if not nats >= 0:
        raise ValueError(f"free_bits needs nats of at least 0; got {nats}.")

    def value(d: Draw) -> Array:
        means = jax.lax.pmean(of(d), "batch")
        groups = [jnp.sum(jnp.maximum(nats, mean)) for mean in jax.tree.leaves(means)]
        return jnp.sum(jnp.stack(groups))

    return value


def capacity(nats: Weight, of: Callable[[Draw], Array] = rate) -> Callable[[Draw], Array]:
    """The value of a term: how far the rate is from the one that is wanted.

        |E[rate] - C|,   E: the mean over the batch, on all devices

    With a large weight gamma the mean rate is C, and the distortion the least at that rate. The
    loss is no bound on anything: below C a larger rate makes it smaller.

    Args:
      nats: C, a number or a schedule of the step, optax.linear_schedule(0.0, 25.0, 100_000), say.
      of: `rate` or `sampled_rate`.

    Raises:
      ValueError: when it is traced without a step, in `evaluate.terms`, and C is a schedule.

    Reference: Burgess et al. 2018, arXiv 1804.03599, eq. 8 (gamma = 1000).
    """

    def value(d: Draw) -> Array:
        return jnp.abs(jax.lax.pmean(of(d), "batch") - _at(nats, d.step))

    return value


def information(d: Draw) -> Array:
    """log q(z|x) - log q(z), [] nats, q(z) the mixture of the posteriors of the batch.

    Its mean over the batch is an estimate of what z tells of which of the B examples it was encoded
    from, at most log B; `evaluate.mutual_information` has that of any number of examples. It takes
    B^2 densities at once.

    TypeError of a model of several latents.
    """
    q = d.trace.q
    if not isinstance(q, Distribution):
        raise TypeError(
            f"information is of one latent, and this model has {list(q)}, of which each is drawn"
            " given others: use evaluate.mutual_information."
        )
    log_q = jax.vmap(lambda q: q.log_prob(d.trace.z))(jax.lax.all_gather(q, "batch"))
    # log_prob(z), with its rounding, as the mixture has it: the ratio is at most log B
    log_ratio = q.log_prob(d.trace.z) - jax.scipy.special.logsumexp(log_q)
    return log_ratio + jnp.log(log_q.size)


def _at(nats: Weight, step: Array | None) -> Array | float:
    if callable(nats) and step is None:
        raise ValueError(
            "capacity has a schedule of the step, and there is no step in evaluation: give it the"
            " nats that are wanted there, capacity(25.0)."
        )
    return weight_at(nats, step)
