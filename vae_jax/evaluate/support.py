"""Whether a model can score the data at all."""

import jax
import jax.numpy as jnp

from vae_jax import hosts
from vae_jax.data import check_array
from vae_jax.evaluate.conditions import check_conditions
from vae_jax.evaluate.examples import check_some, over_examples
from vae_jax.evaluate.rounding import rounds, warn_of_rounding
from vae_jax.models import VAE, trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Event, Key, Params


def check_support(model: VAE, params: Params, data: Batch, *, batch_size: int = 500) -> None:
    """ValueError unless every example is finite and in the likelihood's support, with a condition
    that the networks take (`check_conditions`).

    A log-density cannot raise under `jit`; this looks at the data once, on the host's side of it.
    Posteriors so narrow that their draws are rounded are warned of.
    """
    check_some(data)
    check_numbers(data["x"])
    check_conditions(model, params, data)
    key = jax.random.key(0)  # only the support matters, not the draw
    inside, rounded = over_examples(_look, model, params, key, data, batch_size, iter, {})
    warn_of_rounding(rounded)
    if not inside.all():
        raise ValueError(_outside(model, params, data, int(inside.argmin()), (~inside).sum()))


def check_numbers(x: Event) -> None:
    """Raise, as `data.check_array` does, unless the arrays of x hold examples, finite numbers; they
    are looked at in parts, where they are divided among hosts."""
    for start, part in hosts.parts(x):
        name = f"x[{start}:]" if start else "x"
        for leaf in jax.tree.leaves(part):
            check_array(leaf, name)


def _look(model: VAE, params: Params, key: Key, x: Event, c: Event) -> tuple[Array, Array]:
    """Whether x is in the likelihood's support, and whether q rounds its draws."""
    t = trace(model, params, key, x, c)
    return t.likelihood.in_support(x), rounds(t.q)


def _outside(model: VAE, params: Params, data: Batch, index: int, count: int) -> str:
    x, c = hosts.rows((data["x"], data.get("c")), index)
    likelihood = trace(model, hosts.here(params), jax.random.key(0), x, c).likelihood
    values = [(float(jnp.min(leaf)), float(jnp.max(leaf))) for leaf in jax.tree.leaves(x)]
    return (
        f"{count} of {size_of(data)} examples are outside the likelihood's support, the first"
        f" x[{index}], with values between {values[0][0]:g} and {values[0][1]:g}."
        f" {type(likelihood).__name__} {likelihood.support or 'says by in_support what it takes'}."
    )
