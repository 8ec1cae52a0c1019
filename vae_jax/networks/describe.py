"""A model at a glance: its parameters, and the shapes that go through it."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.types import Event, Params


def describe(model: Any, x: Event, c: Any = None) -> str:
    """The parameters of a model and its distributions, as a text to print or log.

        path                          shape      parameters
        encoder/body/Dense_0/kernel   [784,20]       15,680
        ...
        encoder                                      16,372

        x [28,28,1] -> q(z|x): Gaussian over [16] -> p(x|z): Bernoulli over [28,28,1]
        p(z): Gaussian over [16]

    Only shapes are worked out (`jax.eval_shape`): nothing is computed, whatever the model's size.

    Args:
      model: a record with `init(key, x, c)`, `encode(params, x, c)`, `decode(params, z, c)` and
        `prior(params, c)`: a `VAE`.
      x: one example, or `jax.ShapeDtypeStruct`s of one.
      c: its condition, or None.

    Returns:
      Several lines, without a newline at the end.
    """
    key = jax.eval_shape(jax.random.key, 0)
    params = jax.eval_shape(model.init, key, x, c)
    q = jax.eval_shape(model.encode, params, x, c)
    z = _event(q)
    likelihood = jax.eval_shape(model.decode, params, z, c)
    prior = jax.eval_shape(model.prior, params, c)
    given, on = ("", "") if c is None else (",c", "|c")
    path = [f"x {_shapes(x)}", f"q(z|x{given}): {_over(q)}", f"p(x|z{given}): {_over(likelihood)}"]
    condition = [] if c is None else [f"c {_shapes(c)}"]
    flow = [*condition, " -> ".join(path), f"p(z{on}): {_over(prior)}"]
    return "\n".join([*_table(params), "", *flow])


def _table(params: Params) -> list[str]:
    """One row for each array, a total for each group, a total of all; in columns."""
    rows = [("path", "shape", "parameters")]
    for name in sorted(params, key=lambda name: (name != "encoder", name)):
        named = _named(params[name])
        rows += [
            (f"{name}/{path}".rstrip("/"), _shapes(leaf), _count(leaf)) for path, leaf in named
        ]
        rows += [(name, "", _count(params[name]))]
    rows += [("total", "", _count(params))]
    paths, shapes, counts = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [f"{path:{paths}}  {shape:{shapes}}  {count:>{counts}}" for path, shape, count in rows]


def _named(tree: Params) -> list[tuple[str, Any]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in leaves]


def _count(tree: Params) -> str:
    return f"{sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree)):,}"


def _event(distribution: Any) -> Event:
    key = jax.eval_shape(jax.random.key, 0)
    return jax.eval_shape(lambda distribution, key: distribution.sample(key), distribution, key)


def _over(distribution: Any) -> str:
    return f"{type(distribution).__name__} over {_shapes(_event(distribution))}"


def _shapes(tree: Any) -> str:
    """[28,28,1]; for several arrays, each after its path: 0 [4], 1 [2]."""
    named = _named(tree)
    return ", ".join(
        f"{path} [{','.join(map(str, jnp.shape(leaf)))}]".strip() for path, leaf in named
    )
