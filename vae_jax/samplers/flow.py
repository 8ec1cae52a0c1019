"""A flow, by maximum likelihood."""

from collections.abc import Callable
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

_State = tuple[Params, Any]  # parameters, and the optimizer's
_Epoch = Callable[[_State, Key], tuple[_State, Array]]


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
      ValueError: no such draws; no epoch whose score of the tenth is finite. TypeError: a flow
        without an inverse.
    """
    check_count("epochs", epochs)
    draws = vectors(z)
    init_key, split_key, order_key = jax.random.split(key, 3)
    held_out, train = _set_aside(split_key, draws)
    size = min(batch_size, len(train))
    schedule = optax.cosine_decay_schedule(learning_rate, epochs * (len(train) // size))
    optimizer = optax.chain(optax.clip_by_global_norm(100.0), optax.adam(schedule))
    make = fitted_flow(flow, draws.shape[1], None).make
    epoch = _epoch(make, optimizer, train, held_out, size)
    begun = _standardised(flow, np.asarray(train)).init(init_key)["params"]
    best = _best(epoch, (begun, optimizer.init(begun)), order_key, epochs)
    return fitted_flow(flow, draws.shape[1], best)


def _set_aside(key: Key, draws: np.ndarray) -> tuple[Array, Array]:
    """A tenth of the draws, and the others."""
    order = np.asarray(jax.random.permutation(key, len(draws)))
    shuffled = jnp.asarray(draws[order], float)
    cut = max(1, int(_HELD_OUT * len(draws)))
    return shuffled[:cut], shuffled[cut:]


def _epoch(
    make: Callable[[Params], Distribution],
    optimizer: optax.GradientTransformation,
    train: Array,
    held_out: Array,
    size: int,
) -> _Epoch:
    """One pass over the draws in batches, and the score of those held out."""

    def loss(params: Params, z: Array) -> Array:
        return -jnp.mean(jax.vmap(make(params).log_prob)(z))

    def step(state: _State, z: Array) -> tuple[_State, None]:
        params, opt_state = state
        updates, opt_state = optimizer.update(jax.grad(loss)(params, z), opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), None

    @jax.jit
    def epoch(state: _State, key: Key) -> tuple[_State, Array]:
        places = jax.random.permutation(key, len(train))[: len(train) // size * size]
        state, _ = jax.lax.scan(step, state, train[places.reshape(-1, size)])
        return state, loss(state[0], held_out)

    return epoch


def _best(epoch: _Epoch, state: _State, key: Key, epochs: int) -> Params:
    """The parameters of the epoch with the least score."""
    best, least = None, float("inf")
    for number in range(epochs):
        state, score = epoch(state, jax.random.fold_in(key, number))
        if float(score) < least:
            best, least = state[0], float(score)
    if best is None:
        raise ValueError(
            f"The flow's score of the draws held out is not finite after any of {epochs} epochs:"
            " lower the learning rate, or fit it to draws of a smaller spread."
        )
    return best


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
