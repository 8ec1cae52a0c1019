"""The conditions that samples are drawn under."""

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.types import Array, Batch, Event, Key


def conditions(test: Batch, number: int) -> Event:
    """So many conditions: of labels the different ones in turn, else those of the first examples;
    None for a model without."""
    if "c" not in test:
        return None
    if are_labels(test["c"]):
        return jnp.resize(jnp.unique(test["c"]), (number,))
    return jax.tree.map(lambda leaf: leaf[np.arange(number) % len(leaf)], test["c"])


def drawn_lengths(counts: tuple[int, ...], key: Key, number: int) -> Array:
    """So many lengths, [number], each of a probability like its count.

    Args:
      counts: of the lengths 0, 1, ...
      key: that of so many samples, of whose own keys this one's is none.
      number: of lengths.
    """
    own = jax.random.fold_in(key, number)
    logits = jnp.log(jnp.asarray(counts, jnp.float32))
    return jax.random.categorical(own, logits, shape=(number,)).astype(jnp.int32)


def are_labels(c: Event) -> bool:
    """Whether conditions [N, ...] are labels."""
    return is_label(jax.tree.map(lambda leaf: leaf[0], c))


def is_label(c: Event) -> bool:
    """Whether a condition is one integer."""
    return getattr(c, "shape", None) == () and jnp.issubdtype(c.dtype, jnp.integer)
