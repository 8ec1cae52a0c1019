"""Means where there are any, and draws where there are none: what can be looked at."""

import jax

from vae_jax.distributions.base import Distribution
from vae_jax.distributions.joint import Joint, is_part
from vae_jax.distributions.masked import Masked
from vae_jax.types import Event, Key


def mean_or_draw(distribution: Distribution, key: Key) -> Event:
    """E[value]; a draw, where the distribution has no mean; of a `Joint`, part by part.

    For looking, and not for numbers; which of the two it is says `read_as`.
    """
    if isinstance(distribution, Masked):
        return distribution.filled(mean_or_draw(distribution.distribution, key))
    if isinstance(distribution, Joint):
        parts, tree = jax.tree.flatten(distribution.parts, is_leaf=is_part)
        keys = jax.random.split(key, len(parts))
        made = [mean_or_draw(part, k) for part, k in zip(parts, keys, strict=True)]
        return jax.tree.unflatten(tree, made)
    return distribution.mean() if has_mean(distribution) else distribution.sample(key)


def has_mean(distribution: Distribution) -> bool:
    """Whether the event, and every part of it, has a mean; nothing is computed."""
    try:
        jax.eval_shape(lambda: distribution.mean())
    except TypeError:  # by which a distribution says so
        return False
    return True


def read_as(distribution: Distribution) -> str:
    """What `mean_or_draw` gives: "mean", "draw", or, of parts some of which have none, "both"."""
    if isinstance(distribution, Masked):
        return read_as(distribution.distribution)
    if has_mean(distribution):
        return "mean"
    if not isinstance(distribution, Joint):
        return "draw"
    parts = jax.tree.leaves(distribution.parts, is_leaf=is_part)
    kinds = {read_as(part) for part in parts}
    return kinds.pop() if len(kinds) == 1 else "both"
