"""What a trained model is worth: numbers of each example of a data set, in nats.

Each example is scored by itself under a key of its own, so that its number depends neither on the
batch it is in nor on the size of the batches; a last batch that is not full is filled up, and the
filling taken off again. Dropout is off. The data are scored as they are given: binarised or
dequantised once, by the caller.

`progress` wraps the loop over batches, as `tqdm.tqdm` or `rich.progress.track` do.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import bounds
from vae_jax.bounds.draws import draw_keys, sample_keys
from vae_jax.bounds.likelihood import streamed_log_likelihood
from vae_jax.checks import check_count
from vae_jax.data import check_array
from vae_jax.model import VAE, Trace, log_posterior, log_prior, trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.objectives import distortion, rate
from vae_jax.types import Array, Batch, Event, Key, Params

Progress = Callable[[Iterable[int]], Iterable[int]]
Rate = Callable[[Trace, Event], Array]


class Mean(NamedTuple):
    """A mean over examples and its standard error over them, sd / sqrt(N)."""

    value: float
    standard_error: float


class ActiveUnits(NamedTuple):
    """How many latent dimensions carry information about x, and by which measure."""

    number: int
    variance: np.ndarray  # Var_x( E_q[z_d|x] ), [D]
    threshold: float
    num_examples: int


def elbos(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int = 1,
    rate: Rate = rate,
    batch_size: int = 500,
    progress: Progress = iter,
) -> bounds.ELBO:
    """The evidence lower bound of each example.

    Args:
      model, params: the VAE.
      key: one key for the whole evaluation.
      data: {"x": [N, ...], "c": [N, ...]}.
      num_samples: K draws for each example.
      rate: `objectives.rate` (closed form; its docstring says for which hierarchies it holds) or
        `objectives.sampled_rate`.
      batch_size: how many examples at once.
      progress: wraps the loop.

    Returns:
      ELBO(value, distortion, rate), nats, [N] each.

    Raises:
      ValueError: no data, or values outside the likelihood's support.
    """
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples, "rate": rate}
    return _over_examples(_elbo, model, params, key, data, batch_size, progress, options)


def log_likelihoods(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    *,
    num_samples: int,
    chunk_size: int = 100,
    batch_size: int = 50,
    progress: Progress = iter,
) -> bounds.LogLikelihood:
    """log p(x) of each example by importance sampling: see `bounds.log_likelihood`.

    `batch_size` examples times `chunk_size` draws are held at once, whatever `num_samples`.

    Returns:
      LogLikelihood(value, ess, standard_error), [N] each. The standard error is the Monte Carlo
      one of each value; the one over examples is in `mean`.
    """
    check_support(model, params, data, batch_size=batch_size)
    options = {"num_samples": num_samples, "chunk_size": chunk_size}
    return _over_examples(_log_likelihood, model, params, key, data, batch_size, progress, options)


def active_units(
    model: VAE, params: Params, data: Batch, *, threshold: float = 0.01, batch_size: int = 500
) -> ActiveUnits:
    """The number of latent dimensions d with Var_x( E_q[z_d|x] ) > threshold.

    State with it the threshold and the data: the count depends on both. The posterior mean's
    variance is over the examples given, divided by N - 1.

    Raises:
      ValueError: fewer than two examples, which have no variance.

    Reference: Burda, Grosse, Salakhutdinov 2015, arXiv 1509.00519, section 5.2 (threshold 0.01).
    """
    if size_of(data) < 2:
        raise ValueError(f"Active units need two examples at least; got {size_of(data)}.")
    means = posterior_means(model, params, data, batch_size=batch_size)
    flat = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(means)], axis=1)
    variance = flat.var(axis=0, ddof=1)
    return ActiveUnits(int((variance > threshold).sum()), variance, threshold, len(flat))


def posterior_means(model: VAE, params: Params, data: Batch, *, batch_size: int = 500) -> Event:
    """E_q[z|x] of each example, [N, ...]: an embedding of the data."""
    key = jax.random.key(0)  # unused: a mean draws nothing
    return _over_examples(_posterior_mean, model, params, key, data, batch_size, iter, {})


def mean(values: Array) -> Mean:
    """The mean of [N] values over examples, with its standard error sd / sqrt(N)."""
    if np.ndim(values) != 1:
        raise ValueError(
            f"mean takes one number for each example, [N]; got {type(values).__name__} of shape"
            f" {np.shape(values)}. Of a bound or likelihood, pass its .value."
        )
    v = np.asarray(values, np.float64)
    deviation = v.std(ddof=1) if v.size > 1 else np.nan
    return Mean(float(v.mean()), float(deviation / np.sqrt(v.size)))


def check_support(model: VAE, params: Params, data: Batch, *, batch_size: int = 500) -> None:
    """ValueError unless every example is finite and in the likelihood's support.

    A log-density cannot raise under `jit`; this looks at the data once, on the host's side of it.
    """
    _check_some(data)
    for leaf in jax.tree.leaves(data["x"]):
        check_array(leaf, "x")
    key = jax.random.key(0)  # only the support matters, not the draw
    inside = _over_examples(_in_support, model, params, key, data, batch_size, iter, {})
    if not inside.all():
        raise ValueError(_outside(model, params, data, int(inside.argmin()), (~inside).sum()))


def _elbo(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int, rate: Rate
) -> bounds.ELBO:
    def parts(k: Key) -> tuple[Array, Array]:
        t = trace(model, params, k, x, c)
        return distortion(t, x), rate(t, x)

    mean_distortion, mean_rate = map(jnp.mean, jax.vmap(parts)(draw_keys(key, num_samples)))
    return bounds.ELBO(-mean_distortion - mean_rate, mean_distortion, mean_rate)


def _log_likelihood(
    model: VAE, params: Params, key: Key, x: Event, c: Event, num_samples: int, chunk_size: int
) -> bounds.LogLikelihood:
    if model.trace is None:  # x is encoded once
        return bounds.log_likelihood(
            key,
            x,
            lambda x: model.encode(params, x, c),
            lambda z: model.decode(params, z, c),
            model.prior(params, c),
            num_samples=num_samples,
            chunk_size=chunk_size,
        )

    def log_weight(k: Key) -> Array:
        t = trace(model, params, k, x, c)
        return t.likelihood.log_prob(x) + log_prior(t) - log_posterior(t)

    def log_weights(index: Array) -> Array:
        return jax.vmap(log_weight)(sample_keys(key, index))

    return streamed_log_likelihood(log_weights, num_samples, chunk_size)


def _posterior_mean(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Event:
    del key
    return model.encode(params, x, c).mean()


def _in_support(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Array:
    return trace(model, params, key, x, c).likelihood.in_support(x)


def _outside(model: VAE, params: Params, data: Batch, index: int, count: int) -> str:
    x, c = jax.tree.map(lambda leaf: leaf[index], (data["x"], data.get("c")))
    likelihood = trace(model, params, jax.random.key(0), x, c).likelihood
    values = [(float(jnp.min(leaf)), float(jnp.max(leaf))) for leaf in jax.tree.leaves(x)]
    return (
        f"{count} of {size_of(data)} examples are outside the likelihood's support, the first"
        f" x[{index}], with values between {values[0][0]:g} and {values[0][1]:g}."
        f" {type(likelihood).__name__} {likelihood.support or 'says by in_support what it takes'}."
    )


def _over_examples(
    per_example: Callable[..., Any],
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    batch_size: int,
    progress: Progress,
    options: dict[str, Any],
) -> Any:
    """`per_example` of every example, a full batch at a time, as numpy arrays [N, ...]."""
    check_count("batch_size", batch_size)
    _check_some(data)
    N, batches = size_of(data), []
    for start in progress(range(0, N, batch_size)):
        index = np.arange(start, start + min(batch_size, N))
        batch = jax.tree.map(lambda leaf, index=index: leaf[np.minimum(index, N - 1)], data)
        batches.append(
            _batch(per_example, tuple(options.items()), model, params, key, index, batch)
        )
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:N], *batches)


def _check_some(data: Batch) -> None:
    if size_of(data) == 0:
        raise ValueError("There are no examples: x has a leading axis of 0.")


@partial(jax.jit, static_argnames=("per_example", "options", "model"))
def _batch(
    per_example: Callable[..., Any],
    options: tuple[tuple[str, Any], ...],
    model: VAE,
    params: Params,
    key: Key,
    index: Array,
    batch: Batch,
) -> Any:
    each = jax.vmap(partial(per_example, **dict(options)), in_axes=(None, None, 0, 0, 0))
    return each(model, params, sample_keys(key, index), batch["x"], batch.get("c"))
