"""Where the pseudo-inputs of a VampPrior begin."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.checks import check_count
from vae_jax.types import Array, Event, Key

First = Callable[[Key, Event], Event]


def of_noise(number: int, mean: float = 0.5, deviation: float = 0.01) -> First:
    """N(mean, deviation^2) in every value: so many inputs that are next to alike.

    The authors' code has a deviation of 0.01 about -0.05, and cuts what is below 0 off, where no
    derivative is left.

    Reference: Tomczak, Welling 2017, arXiv 1705.07120, section 5.
    """
    check_count("number", number)

    def first(key: Key, x: Event) -> Event:
        def of_leaf(key: Key, leaf: Array) -> Array:
            return mean + deviation * jax.random.normal(key, (number, *jnp.shape(leaf)))

        leaves, tree = jax.tree.flatten(x)
        keys = jax.random.split(key, len(leaves))
        return jax.tree.unflatten(tree, map(of_leaf, keys, leaves))

    return first


def of_examples(number: int, examples: Any) -> First:
    """So many of the examples [N, ...], each once where there are enough, as floats.

    Reference: Tomczak, Welling 2017, arXiv 1705.07120, section 5 ("VampPrior data").
    """
    check_count("number", number)
    size = len(jax.tree.leaves(examples)[0])

    def first(key: Key, x: Event) -> Event:
        del x
        places = jax.random.choice(key, size, (number,), replace=number > size)
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[places].astype(float), examples)

    return first
