"""Gradients that leave the score of q out: the same in the mean, of another variance.

    sticking the landing (Roeder, Wu, Duvenaud 2017, arXiv 1703.09194) for the ELBO, where the score
    has expectation zero and is left out; the doubly reparameterized gradient (Tucker et al. 2019,
    arXiv 1810.04152) for tighter bounds, where it has not, and is reparameterized once more, which
    makes w~_k^2 of w~_k.

The likelihood and a learned prior keep the plain derivative. What is left out is left out of the
first derivative alone: that is a function of the parameters like any other, whose mean is the
gradient, and its own derivatives are whole. So a Hessian is in the mean that of the bound.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.extend
import jax.numpy as jnp

from vae_jax.bounds.functionals import Bound
from vae_jax.types import Array, Event, Key


class _Densities(NamedTuple):
    """Functions of z, with all that they close over as their first argument."""

    of: Callable[[Any, Event], Any]
    parameters: Any


def along(log_q: Callable[[Event], Array], z: Event, value: Array) -> Array:
    """The number `value`, log q(z|x), with the derivative of `log_q` in z alone, of which it is
    another rounding; its parameters are held fixed. The derivative is 0 where log q is infinite.
    """
    densities = _opened(log_q, z)
    return _along(densities.of, densities.parameters, z, value)


def score_free_bound(
    bound: Bound,
    draw: Callable[[Key], tuple[Event, Array]],
    log_densities: Callable[[Event], tuple[Array, Array]],
    keys: Key,
) -> Array:
    """The bound's value, with the gradient that leaves the score of q out.

    Args:
      bound: which functional of the log-weights.
      draw: key -> z, the reparameterized draw from q(z|x), and its log q(z|x), [] nats.
      log_densities: z -> log p(x|z) + log p(z), and log q(z|x), [] nats each; of the second the
        derivative in z alone is used.
      keys: one for each draw, [K].

    Returns:
      [] nats: the same number as `bound.value` of the plain log-weights.
    """
    z, log_q = jax.vmap(draw)(keys)
    densities = _opened(log_densities, jax.tree.map(lambda leaf: leaf[0], z))
    each = jax.vmap(densities.of, in_axes=(None, 0))
    return _bound(bound, each, densities.parameters, z, log_q)


def _opened(f: Callable[[Event], Any], z: Event) -> _Densities:
    """A function of z as one of what it closes over, too, so that both have their derivatives."""
    jaxpr, shape = jax.make_jaxpr(f, return_shape=True)(z)
    structure = jax.tree.structure(shape)

    def of(parameters: Any, z: Event) -> Any:
        closed = jax.extend.core.ClosedJaxpr(jaxpr.jaxpr, parameters)
        out = jax.extend.core.jaxpr_as_fun(closed)(*jax.tree.leaves(z))
        return jax.tree.unflatten(structure, out)

    return _Densities(of, list(jaxpr.consts))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _along(log_q: Callable[[Any, Event], Array], parameters: Any, z: Event, value: Array) -> Array:
    del log_q, parameters, z
    return value


@_along.defjvp
def _along_jvp(log_q: Any, primals: Any, tangents: Any) -> tuple[Array, Array]:
    parameters, z, value = primals
    path, change = jax.jvp(lambda z: log_q(parameters, z), (z,), (tangents[1],))
    return value, jnp.where(jnp.isfinite(path), change, 0.0)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _bound(
    bound: Bound,
    log_densities: Callable[[Any, Event], tuple[Array, Array]],
    parameters: Any,
    z: Event,
    log_q: Array,
) -> Array:
    """Of z [K, ...] and log q(z|x) [K] as it was drawn."""
    log_joint, _ = log_densities(parameters, z)
    return bound.value(log_joint - log_q)


@_bound.defjvp
def _bound_jvp(
    bound: Bound, log_densities: Any, primals: Any, tangents: Any
) -> tuple[Array, Array]:
    parameters, z, log_q = primals

    def weights(parameters: Any) -> tuple[Array, Array]:
        log_w = log_densities(parameters, z)[0] - log_q
        return bound.value(log_w), log_w

    def path(z: Event) -> Array:
        log_joint, log_q = log_densities(parameters, z)
        return log_joint - log_q

    value, direct, log_w = jax.jvp(weights, (parameters,), (tangents[0],), has_aux=True)
    log_w_path, change = jax.jvp(path, (z,), (tangents[1],))  # NaN where log w is -inf
    inside = jnp.isfinite(log_w) & jnp.isfinite(log_w_path)
    coefficient = jnp.where(inside, bound.path(log_w), 0.0)  # NaN if all w are 0
    return value, direct + jnp.sum(coefficient * jnp.where(inside, change, 0.0))
