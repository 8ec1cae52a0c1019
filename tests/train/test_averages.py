"""Averages of the parameters, kept beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bits import assert_same_bits

from vae_jax import Player, alternate, averaged, descend, train_epoch
from vae_jax.objectives import Aux
from vae_jax.train import average_params

PARAMS = {"a": {"kernel": jnp.array([[1.0, -2.0]])}, "b": jnp.ones(3), "state": jnp.array(0.5)}
DATA = {"x": np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)}
KEY = jax.random.key(0)


def noisy(params, key, batch, step):
    pull = jax.random.normal(key, (3,))
    loss = jnp.sum((params["b"] - batch["x"].mean(0) - pull) ** 2)
    loss += jnp.sum(params["a"]["kernel"] ** 2)
    return loss, Aux({"loss": loss}, params["state"] + 1)


STEP = descend(noisy, optax.adam(0.1))
GAME = alternate(
    Player("one", noisy, ("a",), optax.sgd(0.1)),
    Player("two", noisy, ("b",), optax.adam(0.1), updates=2),
)


def passed_through(step, decay, count=30):
    """The states of an averaged step, one by one."""
    step = averaged(step, decay)
    update, state = jax.jit(step.update), step.init(KEY, PARAMS)
    states = [state]
    for _ in range(count):
        state, _ = update(state, {"x": DATA["x"][:4]})
        states.append(state)
    return states


@pytest.mark.parametrize("decay", [0.5, 0.999])
@pytest.mark.parametrize("step", [STEP, GAME], ids=["descend", "alternate"])
def test_the_average_is_the_recursion(step, decay):
    """In numpy, in float64, over the parameters that were passed through."""
    states = passed_through(step, decay)
    average = [np.asarray(leaf, float) for leaf in jax.tree.leaves(PARAMS)[:2]]
    for t, state in enumerate(states[1:], 1):
        d = min(decay, (1 + t) / (10 + t))
        now, averages = (jax.tree.leaves(p)[:2] for p in (state.params, average_params(state)))
        average = [
            d * old + (1 - d) * np.asarray(new) for old, new in zip(average, now, strict=True)
        ]
        for expected, leaf in zip(average, averages, strict=True):
            np.testing.assert_allclose(leaf, expected, rtol=1e-5, atol=1e-6)


def test_what_is_not_descended_is_carried():
    state = passed_through(STEP, 0.9)[-1]
    assert set(average_params(state)) == {"a", "b", "state"}
    assert average_params(state)["state"] == state.params["state"] == 30.5
    assert set(state.opt_state.average) == {"a", "b"}


@pytest.mark.parametrize("step", [STEP, GAME], ids=["descend", "alternate"])
def test_the_descent_is_not_changed(step):
    """Nor its metrics; in epochs, which give the state's memory away."""
    kept = averaged(step, 0.9)
    plain, with_average = step.init(KEY, PARAMS), kept.init(KEY, PARAMS)
    for _ in range(2):
        plain, one = train_epoch(step, plain, DATA, batch_size=4)
        with_average, other = train_epoch(kept, with_average, DATA, batch_size=4)
        assert_same_bits(one, other)
    assert_same_bits(with_average._replace(opt_state=with_average.opt_state.opt_state), plain)
    assert_same_bits(PARAMS["b"], jnp.ones(3))  # not given away with it


def test_the_average_begins_where_the_parameters_do():
    start = averaged(STEP, 0.9).init(KEY, PARAMS)
    assert_same_bits(average_params(start), PARAMS)


def test_the_average_of_a_step_without_one_is_the_parameters():
    state = STEP.init(KEY, PARAMS)
    assert average_params(state) is state.params


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_a_decay_outside_0_and_1_is_refused(decay):
    with pytest.raises(ValueError, match=r"decay must be in \(0, 1\), such as 0\.999; got"):
        averaged(STEP, decay)
