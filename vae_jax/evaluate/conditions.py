"""Whether a model's networks take the conditions: labels in their range, none missing unsaid."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import hosts
from vae_jax.evaluate.examples import over_examples
from vae_jax.models import VAE, log_posterior, log_prior, trace
from vae_jax.types import Array, Batch, Event, Key, Params

_MOST = 1000  # conditions that are looked at, and labels that are tried to tell the range


def check_conditions(
    model: VAE, params: Params, data: Batch, prepared: Callable[[Batch], Batch] = lambda some: some
) -> None:
    """ValueError where a condition makes NaN of what the networks give, and c = 0 would not.

    So does a label out of range, and a missing one, -1, that no network declares. Of at most a
    thousand examples, whose conditions tell of all: of one number an example, the first of each
    value; of more, those where a number is the smallest, the largest, or NaN.

    Args:
      model, params: the VAE.
      data: {"x": [N, ...], "c": [N, ...]}; without "c" nothing is asked.
      prepared: what makes of those examples what the model sees.
    """
    if data.get("c") is None:
        return
    index = _telling(data["c"])
    some = prepared(_rows(data, index))
    bad = np.flatnonzero(~_are_taken(model, params, some))
    if not bad.size:
        return
    suspects = _rows({"x": some["x"], "c": some["c"]}, bad)
    zero = jax.tree.map(np.zeros_like, suspects["c"])
    blamed = np.flatnonzero(_are_taken(model, params, {"x": suspects["x"], "c": zero}))
    if blamed.size:  # else it is not the condition's fault
        first = int(blamed[0])
        number = int(index[bad[first]])
        raise ValueError(_refusal(model, params, _rows(suspects, first), number))


def num_labels(model: VAE, params: Params, example: Batch) -> int:
    """How many of the labels 0, 1, ... the networks take beside the x of an example; at most a
    thousand."""
    labels: Any = np.arange(_MOST, dtype=np.result_type(example["c"].dtype, np.int32))
    x = jax.tree.map(lambda leaf: np.repeat(leaf[None], _MOST, axis=0), example["x"])
    refused = np.flatnonzero(~_are_taken(model, params, {"x": x, "c": labels}))
    return int(refused[0]) if refused.size else _MOST


def _telling(c: Event) -> np.ndarray:
    """The examples whose conditions tell of all of c [N, ...]."""
    rows = [_telling_of_one(leaf) for leaf in jax.tree.leaves(c)]
    return _spread(np.unique(np.concatenate(rows)))


def _telling_of_one(leaf: Any) -> np.ndarray:
    """Of each part those that may tell of all, and of these those that do."""
    found = []
    for start, part in hosts.parts(leaf):
        values = np.asarray(part).reshape(len(part), -1)
        may = np.unique(_outermost(values))
        found.append((start + may, values[may]))
    index, values = (np.concatenate(each) for each in zip(*found, strict=True))
    told = index[_outermost(values)]
    return _spread(told) if values.shape[1] == 1 else told


def _outermost(values: np.ndarray) -> np.ndarray:
    if values.shape[1] != 1:
        return np.concatenate([values.argmin(axis=0), values.argmax(axis=0)])  # of NaN: the first
    return np.unique(values, return_index=True)[1]  # in the order of the values, NaN last


def _spread(rows: np.ndarray) -> np.ndarray:
    """At most a thousand of them, the first and the last among them."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(int)]


def _are_taken(model: VAE, params: Params, data: Batch) -> np.ndarray:
    key = jax.random.key(0)  # whether it is NaN does not depend on the draw
    return over_examples(_is_taken, model, params, key, data, 500, iter, {})


def _is_taken(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Array:
    t = trace(model, params, key, x, c)
    _, log_lik = t.likelihood.sample_and_log_prob(key)  # of a draw: x may be out of the support
    return ~jnp.any(jnp.isnan(jnp.stack([log_posterior(t), log_prior(t), log_lik])))


def _refusal(model: VAE, params: Params, example: Batch, number: int) -> str:
    c = example["c"]
    if getattr(c, "shape", None) != ():
        low, high = (f([f(leaf) for leaf in jax.tree.leaves(c)]) for f in (np.min, np.max))
        return (
            f"c[{number}], with values between {low:g} and {high:g}, makes NaN of what the networks"
            " give, where zeros do not: look for NaN in it, and for classes out of the range of"
            " embed."
        )
    size = num_labels(model, params, example)
    said = f"c[{number}] = {float(c):g}: the networks take the labels 0 .. {size - 1}"
    if c == -1:
        return (
            f"{said}, and a missing one where embed=one_hot({size}, missing=True) declares it, in"
            " every network that is given c."
        )
    return (
        f"{said}. Number the classes from 0, or give embed as many as there are: one_hot(K),"
        " nn.Embed(K, features)."
    )


def _rows(tree: Any, index: Any) -> Any:
    if hosts.several():
        return jax.tree.map(np.asarray, hosts.rows(tree, index))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)
