"""Checks at the door: shapes and types that would otherwise give a wrong number, silently.

All of it is static: under `jit` these run while tracing and cost nothing after.
"""

from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.distributions import Distribution
from vae_jax.distributions.base import Measure
from vae_jax.types import Event, Key

_BATCH_REMEDY = (
    "The bounds take one example: map them over a batch with jax.vmap, or use vae_jax.batched."
)


def check_key(key: Key) -> None:
    """TypeError unless `key` is a typed key, ValueError unless it is a single one."""
    if not jnp.issubdtype(getattr(key, "dtype", jnp.float32), jax.dtypes.prng_key):
        raise TypeError(
            f"key must be a typed key, jax.random.key(seed), not the older PRNGKey;"
            f" got {_brief(key)}."
        )
    if key.shape != ():
        raise ValueError(
            f"key must be one scalar key; got {key.shape[0]} of them, shape {key.shape}."
            f" {_BATCH_REMEDY}"
        )


def check_count(name: str, count: int) -> None:
    """TypeError unless `count` is a Python int, ValueError unless it is at least 1."""
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"{name} must be a Python int of at least 1; got {_brief(count)}.")
    if not 1 <= count < 2**31:  # what an index or a counter on the device holds
        limit = "at least 1" if count < 1 else f"below {2**31:,}"
        raise ValueError(f"{name} must be {limit}; got {count}.")


def check_within(name: str, value: float, low: float, high: float) -> None:
    """ValueError unless a number is in [low, high]: NaN is not."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be in {low:.7g} .. {high:,.7g}; got {value}.")


def seeded(seed: int) -> Key:
    """The key of a seed.

    Raises:
      TypeError: it is no Python int.
      ValueError: it is not in 0 .. 2^32 - 1; jax itself gives 2^32 the key of 0.
    """
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"seed must be a Python int; got {_brief(seed)}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be in 0 .. {2**32 - 1:,}; got {seed}.")
    return jax.random.key(seed)


def check_example(x: Event) -> None:
    """TypeError unless every leaf of `x` is an array."""
    for leaf in jax.tree.leaves(x) or [None]:
        if not hasattr(leaf, "dtype"):
            raise TypeError(f"x must be an array, or a tuple or dict of arrays; got {_brief(x)}.")


def check_distribution(source: str, made: Any) -> None:
    """TypeError unless `made`, which came from `source`, is a Distribution."""
    if not isinstance(made, Distribution):
        hint = "e.g. Gaussian(loc, log_scale)"
        if hasattr(made, "log_prob"):
            hint = "for another library's distribution, Foreign(distribution, sampler, ...)"
        raise TypeError(f"{source} must be a vae_jax Distribution ({hint}); got {_brief(made)}.")


def check_batch(source: str, made: Any, size: int) -> None:
    """Check that `made` is a distribution all of whose parameters have a leading axis of `size`."""
    check_distribution(source, made)
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(made)]
    if any(shape[:1] != (size,) for shape in shapes):
        raise ValueError(
            f"{source} must have parameters with a leading batch axis of {size}; got the shapes"
            f" {shapes}. Make it with jax.vmap, e.g. jax.vmap(Gaussian)(locs, log_scales), or"
            " broadcast the shared parameters."
        )


def check_posterior(q: Any, prior: Any, key: Key) -> None:
    """Check that q(z|x) and p(z) are distributions over the same event, and in each part of it of
    one base measure (but for a Delta)."""
    check_distribution("The prior", prior)
    check_distribution("What encode(x) returns", q)
    drawn = jax.eval_shape(q.sample, key)
    q_event, prior_event = _shapes(drawn), event_shape(prior, key)
    if q_event != prior_event:
        raise ValueError(
            f"The posterior that encode(x) returns is over events of shape {_show(q_event)}, the"
            f" prior over events of shape {_show(prior_event)}: they must be the same."
            f"{_forgotten_vmap(q_event, prior_event)}"
        )
    measures = (_by_part(made.base_measure, drawn) for made in (q, prior))
    if any(own not in (of_prior, "point") for own, of_prior in zip(*measures, strict=True)):
        raise ValueError(
            f"The posterior that encode(x) returns, {type(q).__name__}, has a density of"
            f" {q.base_measure!r}, the prior, {type(prior).__name__}, one of"
            f" {prior.base_measure!r}: the ratio of the two is no number of nats. Use a prior of"
            " the posterior's kind, or declare `base_measure` in a distribution of your own."
        )


def check_likelihood(likelihood: Any, x: Event, key: Key) -> None:
    """Check that p(x|z) is a distribution over events of the shape of x."""
    check_distribution("What decode(z) returns", likelihood)
    likelihood_event, x_event = event_shape(likelihood, key), jax.tree.map(jnp.shape, x)
    if likelihood_event != x_event:
        raise ValueError(
            f"The likelihood that decode(z) returns is over events of shape"
            f" {_show(likelihood_event)}, and x has shape {_show(x_event)}: they must be the same,"
            f" nothing is broadcast.{_forgotten_vmap(x_event, likelihood_event)}"
        )


def check_reparameterized(q: Distribution) -> None:
    """TypeError unless a sample of q(z|x) carries its derivative."""
    if not q.reparameterized:
        raise TypeError(
            f"The posterior that encode(x) returns, {type(q).__name__}, is not reparameterized:"
            " the gradient of this bound through its samples would lack the part that moves the"
            " posterior. Use a reparameterized posterior (Gaussian; of classes"
            " models.relaxed(model, temperature)); or descend objectives.score_function(model,"
            " rloo, num_draws=4), with vimco for iwae, or, where z has few states,"
            " objectives.enumerated(model); or, to evaluate without a gradient, log_likelihood."
        )


def event_shape(distribution: Distribution, key: Key) -> Any:
    """The shape of one event (a tuple, or a tree of them), at no run-time cost."""
    return _shapes(jax.eval_shape(distribution.sample, key))


def _shapes(event: Event) -> Any:
    return jax.tree.map(lambda leaf: leaf.shape, event)


def _by_part(measure: Measure, event: Event) -> list[str]:
    """The base measure of every array of the event."""
    spread = jax.tree.map(lambda own, part: jax.tree.map(lambda _: own, part), measure, event)
    return jax.tree.leaves(spread)


def _forgotten_vmap(larger: Any, smaller: Any) -> str:
    """The remedy, where one event is the other behind one more axis: somebody's batch."""
    both_arrays = _is_shape(larger) and _is_shape(smaller)
    return f" {_BATCH_REMEDY}" if both_arrays and larger[1:] == smaller and larger else ""


def _is_shape(event: Any) -> bool:
    return isinstance(event, tuple) and all(isinstance(n, int) for n in event)


def _show(event: Any) -> str:
    return str(list(event)) if _is_shape(event) else str(event)


def _brief(value: Any) -> str:
    if isinstance(value, jax.Array):
        return f"an array {value.dtype}{list(value.shape)}"
    return f"{type(value).__name__} {value!r}"[:120]
