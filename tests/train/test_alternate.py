"""Players in turn, on losses that need no network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import Player, alternate, train_epoch
from vae_jax.objectives import Aux

PARAMS = {"a": jnp.array([1.0, -2.0]), "b": jnp.array([0.5, 3.0]), "state": jnp.array(0)}
BATCH = {"x": jnp.ones((4, 2))}
SGD = optax.sgd(0.1)


def product(params, key, batch, step):
    """Both groups have a gradient of it, whoever descends it."""
    loss = jnp.sum(params["a"] ** 2 * params["b"] ** 2)
    return loss, Aux({"loss": loss, "key": jax.random.key_data(key), "step": step})


def negative(params, key, batch, step):
    loss, aux = product(params, key, batch, step)
    return -loss, aux._replace(metrics={"loss": -loss})


def counting(params, key, batch, step):
    loss, _ = product(params, key, batch, step)
    return loss, Aux({"loss": loss}, params["state"] + 1)


def one_step(*players):
    step = alternate(*players)
    return step.update(step.init(jax.random.key(0), PARAMS), BATCH)


def gradient(name, params):
    other = {"a": "b", "b": "a"}[name]
    return 2 * params[name] * params[other] ** 2


def test_each_player_moves_its_own_groups_in_turn():
    """The second sees what the first has done; neither's gradient leaks."""
    state, metrics = one_step(
        Player("low", product, ("a",), SGD), Player("high", negative, ("b",), SGD)
    )
    a = PARAMS["a"] - 0.1 * gradient("a", PARAMS)
    b = PARAMS["b"] + 0.1 * gradient("b", {**PARAMS, "a": a})
    np.testing.assert_allclose(state.params["a"], a, rtol=1e-6)
    np.testing.assert_allclose(state.params["b"], b, rtol=1e-6)
    assert state.params["state"] == 0
    assert set(metrics) == {"low/loss", "low/key", "low/step", "high/loss"}
    np.testing.assert_allclose(metrics["high/loss"], -np.sum(a**2 * PARAMS["b"] ** 2), rtol=1e-6)


def test_a_player_who_stands_still_moves_nothing():
    """An optimizer of its own each: Adam of one does not see the other's gradient."""
    state, _ = one_step(
        Player("still", product, ("a",), optax.set_to_zero()),
        Player("moving", product, ("b",), optax.adam(0.1)),
    )
    np.testing.assert_array_equal(state.params["a"], PARAMS["a"])
    np.testing.assert_allclose(state.params["b"], PARAMS["b"] - 0.1, rtol=1e-5)  # Adam's first step
    assert set(state.opt_state) == {"still", "moving"}
    assert set(state.opt_state["moving"][0].mu) == {"b"}


def test_updates_are_descents_a_step():
    state, _ = one_step(
        Player("twice", product, ("a",), SGD, updates=2), Player("once", product, ("b",), SGD)
    )
    a = PARAMS["a"]
    for _ in range(2):
        a = a - 0.1 * gradient("a", {**PARAMS, "a": a})
    np.testing.assert_allclose(state.params["a"], a, rtol=1e-6)
    b = PARAMS["b"] - 0.1 * gradient("b", {**PARAMS, "a": a})
    np.testing.assert_allclose(state.params["b"], b, rtol=1e-6)
    assert state.step == 1


def test_state_is_carried_from_player_to_player():
    state, _ = one_step(
        Player("one", counting, ("a",), SGD, updates=2), Player("two", counting, ("b",), SGD)
    )
    assert state.params["state"] == 3


def test_every_descent_has_a_key_of_its_own():
    step = alternate(Player("one", product, ("a",), SGD), Player("two", product, ("b",), SGD))
    state, data = step.init(jax.random.key(0), PARAMS), {"x": np.ones((12, 2), np.float32)}
    _, metrics = train_epoch(step, state, data, batch_size=4)
    keys = np.concatenate([metrics["one/key"], metrics["two/key"]])
    assert len(np.unique(keys, axis=0)) == 6
    np.testing.assert_array_equal(metrics["two/step"], [0, 1, 2])


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ([("p", ("a",)), ("p", ("b",))], r"names of their own; got \['p', 'p'\]"),
        ([], r"names of their own; got \[\]"),
        ([("p", ("a", "b")), ("q", ("b",))], r"one owner; \['b'\] have several"),
        ([("p", ("a",))], r"they lack \['b'\], and own \[\]"),
        ([("p", ("a", "b", "z"))], r"they lack \[\], and own \['z'\], which are not there"),
        ([("p", ("a", "b", "state"))], r"own \['state'\], which are not there"),
    ],
)
def test_a_game_that_is_not_well_defined_is_refused(players, message):
    with pytest.raises(ValueError, match=message):
        one_step(*(Player(name, product, owns, SGD) for name, owns in players))


def test_updates_are_at_least_one():
    with pytest.raises(ValueError, match="updates of p must be at least 1; got 0"):
        alternate(Player("p", product, ("a",), SGD, updates=0))


def test_owns_is_a_tuple():
    with pytest.raises(TypeError, match=r'owns=\("encoder",\)'):
        alternate(Player("p", product, "encoder", optax.sgd(1.0)))
