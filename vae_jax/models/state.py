"""What a model carries from step to step and never descends: entries by mechanism.

    params["state"] = {"batch_stats": ..., "codebook": ..., "pretrained": ...}

A part of a model returns entries of it brought up to date, for one example and one draw; what is
carried is their mean over draws and batch (of whole numbers, such as counts, the largest). Entries
that nobody returns stay as they are: frozen weights are the entry "pretrained", which no module of
the model takes for a collection of its own.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Batch, Key, Params

FROZEN = "pretrained"


class WithState(NamedTuple):
    """A distribution, and entries of the state that the pass which made it brought up to date.

    Fields:
      made: the distribution.
      entries: {mechanism: entry}, or {mechanism: {group: entry}} where several parts have a share.
    """

    made: Any
    entries: Params


def parted(made: Any) -> WithState:
    """What a part returned, and its entries: none, where it returned a distribution alone."""
    return made if isinstance(made, WithState) else WithState(made, {})


def merge_entries(*parts: Params) -> Params:
    """The entries of all parts of one pass, or None. ValueError where two bring the same."""
    merged: dict[str, Any] = {}
    for entries in parts:
        for name, entry in entries.items():
            old = merged.get(name, {})
            if name in merged and not _disjoint(old, entry):
                raise ValueError(
                    f"Two parts of the model bring the state's entry {name!r} up to date: give each"
                    " an entry, or a group in it, of its own."
                )
            merged[name] = {**old, **entry} if name in merged else entry
    return merged or None


def mean_over_draws(entries: Params) -> Params:
    """The mean of entries [K, ...] of K draws."""
    return jax.tree.map(lambda leaf: _mean(leaf, jnp.mean, jnp.max, axis=0), entries)


def mean_over_batch(entries: Params) -> Params:
    """The mean of entries over the axis "batch"."""
    return jax.tree.map(
        lambda leaf: _mean(leaf, jax.lax.pmean, jax.lax.pmax, axis_name="batch"), entries
    )


def carry(
    params: Params,
    entries: Params,
    update_state: Callable[..., Params] | None,
    key: Key,
    batch: Batch,
) -> Params:
    """The state to carry: as it was, but for `entries` and those of `update_state`; None where
    there are none, and it stays as it was.

    Raises:
      ValueError: an entry that both bring, that is not in the state, or of another structure.
    """
    entries = entries or {}
    updates = {} if update_state is None else update_state(params, key, batch)
    both = sorted(set(entries) & set(updates))
    if both:
        raise ValueError(
            f"The state's entries {both} come from the pass and from update_state: each has one"
            " source."
        )
    old, new = params.get("state", {}), {**entries, **updates}
    for name, entry in new.items():
        _check_entry(name, entry, old)
    return {**old, **new} if new else None


def _check_entry(name: str, entry: Any, state: Params) -> None:
    if name not in state:
        raise ValueError(
            f"The model returns the state's entry {name!r}, and params['state'] has"
            f" {sorted(state)}: its init must make what it carries."
        )
    was, given = _forms(state[name]), _forms(entry)
    if was != given:
        raise ValueError(
            f"The state's entry {name!r} was {was} and came back as {given}: what is carried keeps"
            " its structure, shapes and types. Return the whole entry, every group of it."
        )


def _forms(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}", tree)


def _disjoint(old: Any, new: Any) -> bool:
    return isinstance(old, dict) and isinstance(new, dict) and not set(old) & set(new)


def _mean(leaf: Array, mean: Any, largest: Any, **axis: Any) -> Array:
    return (mean if jnp.issubdtype(leaf.dtype, jnp.inexact) else largest)(leaf, **axis)
