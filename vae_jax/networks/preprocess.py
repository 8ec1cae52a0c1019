"""What a body reads of an example that is not what it could be fed: integers, counts, labels.

A likelihood of integers scores them as they are; a network that is fed 0 .. 255, or counts in the
thousands, makes scales of e^1000 of them. `Network(..., preprocess=...)` maps the event to what the
body reads, and what is scored stays the event. Equal arguments give the same function, so that
networks made alike are equal.
"""

from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp

from vae_jax.types import Array, Event


@cache
def centred(centre: float, scale: float) -> Callable[[Event], Event]:
    """x -> (x - centre) / scale, of every array of the event: bytes by `centred(127.5, 127.5)`.

    Raises:
      ValueError: the scale is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"centred was given scale={scale}, and needs one above 0, e.g. 127.5.")
    return lambda x: jax.tree.map(lambda leaf: (_float(leaf) - centre) / scale, x)


def log1p(x: Event) -> Event:
    """log(1 + x), of every array of the event: for counts."""
    return jax.tree.map(lambda leaf: jnp.log1p(_float(leaf)), x)


@cache
def one_hot(num_classes: int, *, missing: bool = False) -> Callable[[Array], Array]:
    """Integers [...] in 0 .. num_classes - 1 -> their indicator vectors [..., num_classes].

    Any other value gives NaN, by which `evaluate.check_conditions` knows it.

    Args:
      num_classes: K.
      missing: whether there is a class of those whose label is missing, -1, which gives zeros.
    """

    def indicator(label: Array) -> Array:
        label = jnp.asarray(label)
        index = label.astype(jnp.int32)
        low = -1 if missing else 0
        known = (index == label) & (index >= low) & (index < num_classes)
        made = jax.nn.one_hot(index, num_classes)
        return jnp.where(jnp.expand_dims(known, -1), made, jnp.nan)

    return indicator


def _float(leaf: Array) -> Array:
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
