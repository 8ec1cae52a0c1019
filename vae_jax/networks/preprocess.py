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
def one_hot(num_classes: int) -> Callable[[Array], Array]:
    """Integers [...] in 0 .. num_classes - 1 -> their indicator vectors [..., num_classes].

    An integer out of range gives zeros.
    """
    return lambda label: jax.nn.one_hot(label, num_classes)


def _float(leaf: Array) -> Array:
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
