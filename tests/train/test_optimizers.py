"""Optimizers that ask for more than the gradient: the loss, and the loss elsewhere."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import Player, alternate, descend, train_epoch
from vae_jax.objectives import Aux

PARAMS = {"a": jnp.array([3.0, -2.0]), "b": jnp.array([1.0])}
DATA = {"x": np.linspace(-1.0, 1.0, 8, dtype=np.float32)[:, None]}


def noisy(params, key, batch, step):
    """A bowl whose place depends on the batch, the key and the step."""
    place = batch["x"].mean() + jax.random.normal(key) + step
    loss = sum(jnp.sum((p - place) ** 2 * (1 + p**2)) for p in params.values())
    return loss, Aux({"loss": loss})


def steps_of(optimizer):
    one = descend(noisy, optimizer)
    two = alternate(
        Player("first", noisy, ("a",), optimizer), Player("second", noisy, ("b",), optimizer)
    )
    return {"descend": one, "alternate": two}


def spy():
    """An optimizer that goes nowhere and notes what it was told."""

    def update(updates, state, params, *, value, grad, value_fn, **rest):
        del state, rest
        elsewhere = jax.tree.map(lambda p: p + 1, params)
        told = (value, value_fn(params), value_fn(params), value_fn(elsewhere))
        same = [
            jnp.all(g == u) for g, u in zip(*map(jax.tree.leaves, (grad, updates)), strict=True)
        ]
        return jax.tree.map(jnp.zeros_like, updates), (jnp.stack(told), jnp.stack(same).all())

    state = lambda params: (jnp.zeros(4), jnp.array(False))  # noqa: E731
    return optax.GradientTransformationExtraArgs(state, update)


@pytest.mark.parametrize("name", ["descend", "alternate"])
def test_the_loss_is_asked_again_of_the_same_draws(name):
    step = steps_of(spy())[name]
    state, _ = step.update(step.init(jax.random.key(0), PARAMS), DATA)
    for told, same in [state.opt_state] if name == "descend" else state.opt_state.values():
        assert told[0] == told[1] == told[2] != told[3]
        assert same


OPTIMIZERS = {
    "lbfgs": optax.lbfgs(),
    "polyak_sgd": optax.polyak_sgd(max_learning_rate=0.1),
    "reduce_on_plateau": optax.chain(optax.sgd(0.02), optax.contrib.reduce_on_plateau(patience=1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("how", ["descend", "alternate"])
def test_they_descend_inside_the_compiled_epoch(name, how):
    def still(params, key, batch, step):
        del key, step
        loss, _ = noisy(params, jax.random.key(1), batch, 0)
        return loss, Aux({"loss": loss})

    step = descend(still, OPTIMIZERS[name])
    if how == "alternate":
        step = alternate(
            Player("first", still, ("a",), OPTIMIZERS[name]),
            Player("second", still, ("b",), OPTIMIZERS[name]),
        )
    state = step.init(jax.random.key(0), PARAMS)
    before = still(state.params, None, DATA, 0)[0]
    state, _ = train_epoch(step, state, {"x": np.tile(DATA["x"], (4, 1))}, batch_size=8)
    assert still(state.params, None, DATA, 0)[0] < before / 2


def test_the_rate_falls_on_a_plateau():
    """No step of this objective is better than the one before."""

    def flat(params, key, batch, step):
        loss = 0.0 * jnp.sum(params["a"])
        return loss, Aux({"loss": loss})

    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1)
    step = descend(flat, optax.chain(optax.sgd(1.0), plateau))
    state, _ = train_epoch(step, step.init(jax.random.key(0), PARAMS), DATA, batch_size=1)
    assert state.opt_state[1].scale < 0.1


def test_what_an_optimizer_asks_besides_is_named():
    def update(updates, state, params, *, hessian, **rest):
        return updates, state

    curved = optax.GradientTransformationExtraArgs(lambda params: (), update)
    step = descend(noisy, curved)
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'hessian'"):
        step.update(step.init(jax.random.key(0), PARAMS), DATA)
