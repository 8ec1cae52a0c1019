"""What an objective is, and the mean over a batch that every one takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.checks import check_reparameterized
from vae_jax.models import VAE, Trace, latents, log_prior, trace
from vae_jax.models.state import carry, mean_over_batch
from vae_jax.types import Array, Batch, Event, Key, Params


class Aux(NamedTuple):
    """What comes with a loss: numbers to report, and the state to carry (None: as it was)."""

    metrics: dict[str, Array]
    state: Params = None


Objective = Callable[[Params, Key, Batch, Array], tuple[Array, Aux]]
Example = Callable[[Params, Key, Event, Event], tuple[Any, Params]]


def batch_size(batch: Batch) -> int:
    """B, the leading axis of every array of the batch. ValueError where they differ."""
    if not isinstance(batch, dict) or "x" not in batch:
        raise TypeError(
            f'Data is a dict {{"x": examples}}, with "c" for conditions; got'
            f" {sorted(batch) if isinstance(batch, dict) else f'a {type(batch).__name__}'}."
        )
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(batch)]
    if () in shapes:
        raise ValueError(
            f"x and c need one entry for each example; got the shapes {shapes}. One label for N"
            " examples is np.full(N, label)."
        )
    sizes = sorted({shape[0] for shape in shapes})
    if len(sizes) != 1:
        raise ValueError(f"x and c need one entry for each example; got the leading axes {sizes}.")
    return sizes[0]


def over_batch(
    example: Example, model: VAE, params: Params, key: Key, batch: Batch
) -> tuple[Any, Params]:
    """A function of one example, over a batch: its values, and the state to carry.

    What an objective of one's own is made of:

        def objective(params, key, batch, step):
            values, state = over_batch(example, model, params, key, batch)
            loss = values.mean()
            return loss, Aux({"loss": loss}, state)

    Args:
      example: (params, key, x, c) -> (values, entries): of one example under a key of its own, the
        entries of the state that its pass brought up to date, such as `Trace.state`, or None. It
        sees its batch only through the axis name "batch" (`jax.lax.pmean(..., "batch")`).
      model: whose `update_state` is called, if it has one.
      params, key, batch: as an objective has them.

    Returns:
      The values [B, ...], and the state to carry: as it was, but for the entries (their mean over
      the batch) and those of `update_state`; None where there are neither.

    Raises:
      ValueError: an entry that both bring, that is not in the state, or of another structure.
    """
    check_takes("The example of over_batch", example, "params", "key", "x", "c")

    def one(key: Key, x: Event, c: Event) -> tuple[Any, Params]:
        values, entries = example(params, key, x, c)
        return values, mean_over_batch(entries)

    examples_key, state_key = jax.random.split(key)
    keys = jax.random.split(examples_key, batch_size(batch))
    each = jax.vmap(one, out_axes=(0, None), axis_name="batch")
    values, entries = each(keys, batch["x"], batch.get("c"))
    return values, carry(params, entries, model.update_state, state_key, batch)


def differentiable_trace(
    model: VAE, params: Params, key: Key, x: Event, c: Event, noise: Key, z: Event = None
) -> Trace:
    """One pass, of which every draw carries its derivative; TypeError if one does not."""
    t = trace(model, params, key, x, c, z, noise)
    for q in latents(t.q).values():
        check_reparameterized(q)
    return t


def log_joint(t: Trace, x: Event) -> Array:
    """log p(x|z) + log p(z), [] nats."""
    return t.likelihood.log_prob(x) + log_prior(t)


def check_alone(name: str, model: VAE, params: Params, key: Key, batch: Batch) -> None:
    """ValueError where an example's pass asks for its batch: its draw would enter the others'."""
    x, c = jax.tree.map(lambda leaf: leaf[0], (batch["x"], batch.get("c")))

    def alone(params: Params, key: Key, x: Event, c: Event) -> Array:
        return log_joint(trace(model, params, key, x, c, None, key), x)

    try:
        jax.eval_shape(alone, params, key, x, c)
    except NameError as error:
        if "axis name" not in str(error):
            raise
        raise ValueError(
            f"{name} is for networks that see one example: these pool over their batch (the axis"
            ' "batch", as BatchNorm and an optimal scale do), and one example\'s draw would be in'
            f" the bounds of the others. Leave {name} out, or use a norm of one example, and a"
            " scale that is learned."
        ) from error
