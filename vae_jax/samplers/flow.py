"""A flow, by maximum likelihood."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.distributions import Distribution
from vae_jax.networks import AffineLayer, FlowChain, FlowPrior
from vae_jax.samplers.fitted import FittedPrior, vectors
from vae_jax.types import Array, Key, Params

_HELD_OUT = 0.1  # of the draws, by which the best epoch is chosen
_LEAST = 1e-6  # of a standard deviation, by which z is divided


def fit_flow(
    key: Key,
    z: Any,
    flow: nn.Module,
    *,
    epochs: int = 50,
    batch_size: int = 100,
    learning_rate: float = 1e-3,
) -> FittedPrior:
    """p(z) = N(0, I) through a flow, and then a shift and a scale that begin at the moments of z.

        fit_flow(key, z, networks.maf(D))

    The parameters are those of the best epoch by a tenth of the draws, which is set aside.

    Args:
      key: of the first parameters and of the order.
      z: draws of the aggregate posterior, [N, D].
      flow: None -> a flow over D values with an inverse: `networks.maf`, `iaf`, `real_nvp`. Of an
        IAF a density takes D passes.
      epochs, batch_size, learning_rate: of Adam; the last falls to zero along half a cosine.

    Raises:
      ValueError: no such draws. TypeError: a flow without an inverse.
    """
    check_count("epochs", epochs)
    draws = vectors(z)
    init_key, split_key, order_key = jax.random.split(key, 3)
    order = np.asarray(jax.random.permutation(split_key, len(draws)))
    shuffled = jnp.asarray(draws[order], float)
    cut = max(1, int(_HELD_OUT * len(draws)))
    held_out, train = shuffled[:cut], shuffled[cut:]
    size = min(batch_size, len(train))
    schedule = optax.cosine_decay_schedule(learning_rate, epochs * (len(train) // size))
    optimizer = optax.chain(optax.clip_by_global_norm(100.0), optax.adam(schedule))
    make = fitted_flow(flow, draws.shape[1], None).make

    def loss(params: Params, z: Array) -> Array:
        return -jnp.mean(jax.vmap(make(params).log_prob)(z))

    def step(state: tuple[Params, Any], z: Array) -> tuple[tuple[Params, Any], Array]:
        params, opt_state = state
        value, gradient = jax.value_and_grad(loss)(params, z)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), value

    @jax.jit
    def epoch(state: tuple[Params, Any], key: Key) -> tuple[tuple[Params, Any], Array]:
        places = jax.random.permutation(key, len(train))[: len(train) // size * size]
        state, _ = jax.lax.scan(step, state, train[places.reshape(-1, size)])
        return state, loss(state[0], held_out)

    begun = _standardised(flow, np.asarray(train)).init(init_key)["params"]
    state = begun, optimizer.init(begun)
    best, least = begun, float("inf")
    for number in range(epochs):
        state, score = epoch(state, jax.random.fold_in(order_key, number))
        if float(score) < least:
            best, least = state[0], float(score)
    return fitted_flow(flow, draws.shape[1], best)


def fitted_flow(flow: nn.Module, size: int, params: Params) -> FittedPrior:
    """What `fit_flow` made, again, of its parameters."""
    prior = flow_prior(flow, size)

    def make(params: Params) -> Distribution:
        made: Any = prior.apply({"params": params})
        return made

    return FittedPrior(params, make)


def flow_prior(flow: nn.Module, size: int) -> FlowPrior:
    """The flow, and behind it a shift and a scale."""
    return FlowPrior(size, FlowChain((flow, AffineLayer(size))))


def _standardised(flow: nn.Module, z: np.ndarray) -> FlowPrior:
    """The same, which begins at the moments of z."""
    shift = nn.initializers.constant(z.mean(0))
    scale = nn.initializers.constant(np.log(z.std(0) + _LEAST))
    return FlowPrior(z.shape[1], FlowChain((flow, AffineLayer(z.shape[1], shift, scale))))
