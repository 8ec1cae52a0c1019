"""All values of a distribution that has few."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.distributions.base import Distribution
from vae_jax.distributions.bernoulli import Bernoulli
from vae_jax.distributions.categorical import Categorical
from vae_jax.distributions.joint import Joint, is_part
from vae_jax.distributions.one_hot import OneHot, StraightThroughOneHot
from vae_jax.types import Array, Event

MOST = 4096  # states that are listed, where nothing else is said


def states(d: Distribution, most: int = MOST) -> Event:
    """Every value of the event, along a leading axis [S, ...].

    Args:
      d: a `OneHot`, `Categorical` or `Bernoulli`, or a `Joint` of these: of N variables of K values
        K^N states.
      most: S at most.

    Raises:
      TypeError: the distribution has no such list.
      ValueError: there are more states than `most`.
    """
    number = _number(d)
    if number > most:
        raise ValueError(
            f"{type(d).__name__} has {number:,} states, and at most {most:,} are listed: descend"
            " score_function(model, rloo, num_draws=4), which draws some of them."
        )
    return _listed(d)


def _number(d: Distribution) -> int:
    if isinstance(d, Joint):
        return math.prod(_number(part) for part in d._leaves())
    shape, values = _variables(d)
    return int(values ** math.prod(shape))


def _listed(d: Distribution) -> Event:
    if not isinstance(d, Joint):
        return _of_variables(d)
    parts, tree = jax.tree.flatten(d.parts, is_leaf=is_part)
    which = np.indices([_number(part) for part in parts]).reshape(len(parts), -1)  # [parts, S]
    own = [
        jax.tree.map(lambda leaf, index=index: leaf[index], _listed(part))
        for part, index in zip(parts, which, strict=True)
    ]
    return jax.tree.unflatten(tree, own)


def _variables(d: Any) -> tuple[tuple[int, ...], int]:
    """The shape of the variables, and how many values each has."""
    if isinstance(d, Bernoulli):
        return jnp.shape(d.logits), 2
    if isinstance(d, OneHot | StraightThroughOneHot | Categorical):
        return jnp.shape(d.logits)[:-1], jnp.shape(d.logits)[-1]
    raise TypeError(
        f"The states of {type(d).__name__} cannot be listed: use a OneHot, Categorical or"
        " Bernoulli, a Joint of these, or descend score_function(model, rloo, num_draws=4)."
    )


def _of_variables(d: Distribution) -> Array:
    shape, values = _variables(d)
    N = math.prod(shape)
    index = np.indices((values,) * N).reshape(N, values**N).T.reshape(-1, *shape)  # [S, *shape]
    if isinstance(d, Categorical):
        return jnp.asarray(index)
    if isinstance(d, Bernoulli):
        return jnp.asarray(index, float)
    return jax.nn.one_hot(index, values)
