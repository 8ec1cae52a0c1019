"""What an objective is, and the mean over a batch that every one takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from vae_jax.checks import check_reparameterized
from vae_jax.models import VAE, Trace, trace
from vae_jax.types import Array, Batch, Event, Key, Params


class Aux(NamedTuple):
    """What comes with a loss: numbers to report, and the state to carry (None: as it was)."""

    metrics: dict[str, Array]
    state: Params = None


Objective = Callable[[Params, Key, Batch, Array], tuple[Array, Aux]]


def batch_size(batch: Batch) -> int:
    """B, the leading axis of every array of the batch. ValueError where they differ."""
    if not isinstance(batch, dict) or "x" not in batch:
        raise TypeError(
            f'Data is a dict {{"x": examples}}, with "c" for conditions; got'
            f" {sorted(batch) if isinstance(batch, dict) else f'a {type(batch).__name__}'}."
        )
    sizes = sorted({leaf.shape[0] for leaf in jax.tree.leaves(batch)})
    if len(sizes) != 1:
        raise ValueError(f"x and c need one entry for each example; got the leading axes {sizes}.")
    return sizes[0]


def over_batch(
    example: Callable[..., tuple[Any, Params]], model: VAE, params: Params, key: Key, batch: Batch
) -> tuple[Any, Params]:
    """`example` of each example under a key of its own [B, ...], and the state to carry."""
    examples_key, refresh_key = jax.random.split(key)
    keys = jax.random.split(examples_key, batch_size(batch))
    each = jax.vmap(example, in_axes=(None, 0, 0, 0), out_axes=(0, None), axis_name="batch")
    values, state = each(params, keys, batch["x"], batch.get("c"))
    return values, state if model.refresh is None else model.refresh(params, refresh_key, batch)


def differentiable_trace(
    model: VAE,
    params: Params,
    key: Key,
    x: Event,
    c: Event,
    noise: Key,
    z: tuple[Event, ...] | None = None,
) -> Trace:
    """One pass, of which every draw carries its derivative; TypeError if one does not."""
    t = trace(model, params, key, x, c, z, noise)
    for q in t.q:
        check_reparameterized(q)
    return t


def first_state(states: Params) -> Params:
    """The state as the first of the draws leaves it."""
    return jax.tree.map(lambda leaf: leaf[0], states)
