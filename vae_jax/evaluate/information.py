"""What z tells of the example it was encoded from."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import devices, hosts
from vae_jax.bounds.draws import draw_keys
from vae_jax.evaluate.examples import alone, over_examples
from vae_jax.evaluate.scores import mean
from vae_jax.evaluate.support import check_support
from vae_jax.memory import bytes_needed, most_at_once
from vae_jax.models import VAE, log_posterior, log_prior, trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


class MutualInformation(NamedTuple):
    """The two parts of the rate, mean_n KL(q(z|x_n) || p(z)) = value + marginal_kl; nats.

    Fields:
      value: the mutual information of an example's index and z, in 0 .. log N but for noise.
      standard_error: of the value over examples, sd / sqrt(N): as if each came with the mixture
        given; that of a new draw of the same examples is smaller, of new examples larger.
      marginal_kl: KL(q(z) || p(z)), q(z) the mixture of the N posteriors; from the same draws.
      num_examples: N.
    """

    value: float
    standard_error: float
    marginal_kl: float
    num_examples: int


class PriorsDifferError(ValueError):
    """Under one condition p(z|c) is another than under the next: the rate is not so divided."""


def mutual_information(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int = 1,
    batch_size: int = 200,
    progress: Progress = iter,
) -> MutualInformation:
    """The mutual information of the data's index n and z under the encoder.

        I  = mean_n E_{q(z|x_n)}[ log q(z|x_n) - log q(z) ],   q(z) = mean_m q(z|x_m)
        KL(q(z) || p(z)) = mean_n E_{q(z|x_n)}[ log q(z) - log p(z) ]

    The mixture is over all N examples, without an estimate; the expectations are means over K draws
    for each example. State N with the value, which is at most log N: near log N it says that the
    posteriors do not overlap, and no more.

    With conditions, n is the index of a pair: I = I((x,c); z), q(z|n) = q(z|x_n,c_n). A prior that
    depends on c is refused where the conditions differ, since then the rest of the rate,
    E[log q(z) - log p(z|c)], is no divergence. In a hierarchy z is all the layers' draws. Of a
    Delta, whose log q is a mass, only the value holds: its true marginal_kl is infinite.

    The cost is K N^2 densities: with K = 1 and Gaussians of D = 50, 0.2 s for N = 2,000 and 3 s for
    N = 10,000 on two shared cores (November 2026). In a hierarchy, where q(z_2|x_m,z_1) is made
    anew for each draw, it is K N^2 passes through the layers that depend on z. Memory:
    `batch_size`^2 pairs of a draw and a posterior. The posterior needs a density at every z
    (`log_prob`).

    Args:
      model, params: the VAE.
      key: one key for the whole evaluation.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K draws for each example.
      batch_size: how many examples at once, as draws and as posteriors, at most: as `elbos`.
      progress: wraps the loop over the posteriors.

    Returns:
      MutualInformation(value, standard_error, marginal_kl, num_examples), nats.

    Raises:
      ValueError: no data; as `check_support`; a prior that is not the same for all the conditions
        (`PriorsDifferError`).
      TypeError: a posterior that knows log q of what it draws alone.

    Reference: Hoffman, Johnson 2016, "ELBO surgery: yet another way to carve up the variational
    evidence lower bound", NIPS workshop on advances in approximate Bayesian inference.
    """
    check_support(model, params, data, batch_size=batch_size)

    def over(f: Any, params: Params, data: Batch, progress: Progress = iter, **options: int) -> Any:
        return over_examples(f, model, params, key, data, batch_size, progress, options)

    z, log_q, log_p = over(_draws, params, data, num_samples=num_samples)  # [N, K] each
    if data.get("c") is not None:
        first = jax.tree.map(lambda leaf: np.repeat(leaf[:1], len(leaf), axis=0), data["c"])
        _check_one_prior(log_p, over(_log_priors, params, {"x": (data["x"], z), "c": first}))
    log_marginal = _log_marginals(model, params, z, data, batch_size, progress)
    information = mean(_mean_over_draws(log_q - log_marginal))
    marginal_kl = mean(_mean_over_draws(log_marginal - log_p))
    return MutualInformation(*information, marginal_kl.value, size_of(data))


def _draws(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int
) -> tuple[Event, Array, Array]:
    """K draws z, log q(z|x,c) and log p(z|c) of each."""

    def one(k: Key) -> tuple[Event, Array, Array]:
        z = trace(model, params, k, x, c).z
        # log_prob(z), with its rounding, as the mixture has it: the ratio is at most log N
        t = trace(model, params, k, x, c, z)
        return z, log_posterior(t), log_prior(t)

    return jax.vmap(one)(draw_keys(key, num_samples))


def _log_priors(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Array:
    x, z = x  # the example, and its K draws
    return jax.vmap(lambda z: log_prior(trace(model, params, key, x, c, z)))(z)


def _log_marginals(
    model: VAE, params: Params, z: Event, data: Batch, batch_size: int, progress: Progress
) -> np.ndarray:
    """log mean_m q(z|x_m) of the draws z [N, K, ...], [N, K]; a batch of posteriors at a time, all
    of them on every device, of which each has a part of the draws."""
    N, K = jax.tree.leaves(z)[0].shape[:2]
    among, program = devices.of_all(), _add_posteriors
    draws = jax.tree.map(lambda leaf: jnp.asarray(leaf).reshape(N * K, *leaf.shape[2:]), z)
    if among is not None:
        draws, program = devices.apart(_in_parts(draws, N * K), among), _add_on_each
    sums = jnp.full(jax.tree.leaves(draws)[0].shape[: 1 if among is None else 2], -jnp.inf)
    params, sums = devices.everywhere(params, among), devices.apart(sums, among)

    def given(size: int, start: int = 0) -> tuple[Any, ...]:
        index = np.arange(start, start + size)
        batch = jax.tree.map(lambda leaf: leaf[np.minimum(index, N - 1)], data)
        return model, params, batch, index < N, draws, sums, size

    def needed(size: int) -> int | None:
        return alone(bytes_needed, program, *given(size))

    size = most_at_once(needed, min(batch_size, N))
    for start in progress(range(0, N, size)):
        sums = alone(program, *given(size, start))
    return hosts.fetched(sums).ravel()[: N * K].reshape(N, K) - np.log(N)


def _in_parts(draws: Event, number: int) -> Event:
    """[number, ...] as [devices, draws of each, ...], filled up with the last."""
    index = np.minimum(np.arange(devices.filled(number)), number - 1)
    index = index.reshape(devices.count(), -1)
    return jax.tree.map(lambda leaf: leaf[index], draws)


@partial(jax.jit, static_argnames=("model", "chunk_size"))
def _add_posteriors(
    model: VAE,
    params: Params,
    batch: Batch,
    inside: Array,
    draws: Event,
    sums: Array,
    chunk_size: int,
) -> Array:
    """log(exp(sums) + sum_m q(z|x_m)) of each draw. Each example is encoded once, and what a
    posterior holds of the parameters is not held for each."""

    def of_one(x: Event, c: Event, inside: Array) -> Array:
        q = model.encode(params, x, c)

        def log_sum(z: Event) -> Array:  # over the batch of posteriors
            log_q = jnp.where(inside, q.log_prob(z), -jnp.inf)
            top = jax.lax.pmax(log_q, "posteriors")
            top = jnp.where(jnp.isfinite(top), top, 0.0)  # of densities that are all zero
            return top + jnp.log(jax.lax.psum(jnp.exp(log_q - top), "posteriors"))

        return jax.lax.map(log_sum, draws, batch_size=chunk_size)

    each = jax.vmap(of_one, axis_name="posteriors", out_axes=None)
    return jnp.logaddexp(sums, each(batch["x"], batch.get("c"), inside))


@partial(jax.jit, static_argnames=("model", "chunk_size"))
def _add_on_each(
    model: VAE,
    params: Params,
    batch: Batch,
    inside: Array,
    draws: Event,
    sums: Array,
    chunk_size: int,
) -> Array:
    """The same of the draws of each device, [devices, ...]: a loop over all would run on one."""

    def own(draws: Event, sums: Array) -> Array:
        return _add_posteriors(model, params, batch, inside, draws, sums, chunk_size)

    return jax.vmap(own)(draws, sums)


def _mean_over_draws(values: Any) -> Any:
    return np.mean(values, axis=1, dtype=np.float64)


def _check_one_prior(own: np.ndarray, first: np.ndarray) -> None:
    """PriorsDifferError unless log p(z|c_n) is log p(z|c_0) for all n, to a thousandth of a nat."""
    differ = ~np.isclose(own, first, rtol=1e-5, atol=1e-3, equal_nan=True).all(axis=1)
    if differ.any():
        raise PriorsDifferError(
            f"The prior p(z|c) of c[{np.argmax(differ)}] is not that of c[0]: without one prior"
            " for all the examples, the rate is not the mutual information plus a divergence from"
            " the prior. Evaluate the examples of each condition by themselves."
        )
