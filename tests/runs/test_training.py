"""Options of every run: what the optimizer does with them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import Player, alternate, train
from vae_jax.configs import CONFIGS
from vae_jax.objectives import Aux
from vae_jax.runs import Training
from vae_jax.runs.stretches import Stretch
from vae_jax.runs.training import check_training, make_step, schedule
from vae_jax.train.averages import average_params
from vae_jax.train.rows import seen_of, train_row

STEPS, PEAK = 8, 0.5
ONE = [Stretch(0, 1, PEAK)]
GRADIENT = jnp.array([3.0, 4.0])  # of norm 5


def linear(params, key, batch, step):
    loss = params["all"] @ GRADIENT
    return loss, Aux({"loss": loss})


DIGITS = CONFIGS["digits"]()
TRAINED = DIGITS.trained._replace(
    step=lambda optimize: train.descend(linear, optimize(optax.sgd)), learning_rate=PEAK
)
EXPERIMENT = DIGITS._replace(trained=TRAINED)


def descend(**options):
    """The states of STEPS + 2 steps of gradient descent, and the rates that were reported."""
    step = make_step(EXPERIMENT, Training(**options), ONE, STEPS)
    state = step.init(jax.random.key(0), {"all": jnp.zeros(2)})
    states, rates = [state], []
    for epoch in range(1, STEPS + 3):
        state, metrics = jax.jit(step.update)(state, {})
        row = train_row(epoch, seen_of(state, {"loss": metrics["loss"][None]}), 1.0, None)
        states.append(state)
        rates.append(row["learning_rate"])
    return states, np.array(rates)


def lengths(states):
    """Of each step, in norms of the gradient."""
    places = np.array([state.params["all"] for state in states])
    return np.linalg.norm(np.diff(places, axis=0), axis=1) / 5


def cosine(t):
    return PEAK * 0.5 * (1 + np.cos(np.pi * np.minimum(t, 1)))


t = np.arange(STEPS + 2)
EXPECTED = {
    "cosine": ({}, cosine(t / STEPS)),
    "constant": ({"schedule": "constant"}, np.full(STEPS + 2, PEAK)),
    "warmup": (
        {"warmup": 3},
        np.where(t < 3, PEAK * t / 3, cosine((t - 3) / (STEPS - 3))),
    ),
    "warmup, constant": ({"schedule": "constant", "warmup": 4}, PEAK * np.minimum(t / 4, 1)),
    "averaged": ({"average": 0.9}, cosine(t / STEPS)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_learning_rate_is_what_was_asked_for_and_reported(name):
    options, expected = EXPECTED[name]
    states, rates = descend(**options)
    np.testing.assert_allclose(rates, expected, atol=1e-6)
    np.testing.assert_allclose(lengths(states), expected, atol=1e-6)


def test_a_run_that_was_made_longer_falls_once_more_from_the_rate_it_was_given():
    stretches = [Stretch(0, 2, PEAK), Stretch(2, 4, 2 * PEAK), Stretch(4, 5, 0.1)]
    given = schedule(Training(warmup=2), stretches, scale=1.0, updates=3, steps=4)
    t = np.arange(24)  # 12 updates an epoch, of one player
    first = np.where(t < 6, PEAK * t / 6, cosine((t - 6) / 18))
    rates = np.array([given(n) for n in range(60)])
    np.testing.assert_allclose(rates[:24], first, atol=1e-6)
    np.testing.assert_allclose(rates[24:48], 2 * cosine(t / 24), atol=1e-6)
    np.testing.assert_allclose(rates[48:], 0.1 / PEAK * cosine(t[:12] / 12), atol=1e-6)


@pytest.mark.parametrize(("clip", "norm"), [(1.0, 1.0), (2.5, 2.5), (5.0, 5.0), (7.0, 5.0)])
def test_larger_gradients_are_scaled_down(clip, norm):
    states, rates = descend(schedule="constant", clip=clip)
    np.testing.assert_allclose(lengths(states), PEAK * norm / 5, rtol=1e-5)
    np.testing.assert_allclose(rates, PEAK)
    direction = states[1].params["all"] / jnp.linalg.norm(states[1].params["all"])
    np.testing.assert_allclose(direction, -GRADIENT / 5, rtol=1e-5)


def test_averages_are_those_of_the_path():
    states, _ = descend(average=0.2)
    plain, _ = descend()
    average = np.zeros(2)
    for step, state in enumerate(states[1:], 1):
        decay = min(0.2, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * np.asarray(state.params["all"])
        np.testing.assert_allclose(average_params(state)["all"], average, rtol=1e-5)
        np.testing.assert_array_equal(state.params["all"], plain[step].params["all"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "keep must be at least 1; got 0"),
        ({"evaluate_every": 0}, "evaluate_every must be at least 1; got 0"),
        ({"patience": 0, "hold_out": 5}, "patience must be at least 1; got 0"),
        (
            {"patience": 2},
            "patience needs held-out examples to be patient about: hold_out=<number>",
        ),
        ({"warmup": 8}, "warmup must be in 0 .. 7, of 8 steps; got 8"),
        ({"warmup": -1}, "warmup must be in 0 .. 7, of 8 steps; got -1"),
        ({"clip": 0.0}, r"clip must be above 0; got 0\.0"),
        ({"average": 1.0}, r"average must be in \(0, 1\), such as 0\.999; got 1\.0"),
        ({"average": 0.0}, r"average must be in \(0, 1\)"),
    ],
)
def test_options_that_make_no_run(options, message):
    with pytest.raises(ValueError, match=message):
        check_training(Training(**options), STEPS)


def test_options_that_make_one():
    check_training(Training(), 1)
    check_training(Training(patience=1, hold_out=1, warmup=7, clip=0.1, average=0.5), STEPS)


def test_players_have_rates_of_their_own_that_end_with_the_run():
    """One at twice the rate, one that descends three times a step; each is clipped by itself."""

    def only(name):
        def objective(params, key, batch, step):
            loss = params[name] @ GRADIENT
            return loss, Aux({"loss": loss})

        return objective

    def players(optimize):
        return alternate(
            Player("fast", only("a"), ("a",), optimize(optax.sgd, scale=2.0)),
            Player("often", only("b"), ("b",), optimize(optax.sgd, updates=3), updates=3),
        )

    experiment = DIGITS._replace(trained=TRAINED._replace(step=players))
    step = make_step(experiment, Training(clip=1.0, warmup=2), ONE, STEPS)
    state = step.init(jax.random.key(0), {"a": jnp.zeros(2), "b": jnp.zeros(2)})
    for epoch in range(1, STEPS + 1):
        before = state.params
        state, metrics = jax.jit(step.update)(state, {})
        row = train_row(epoch, seen_of(state, {k: v[None] for k, v in metrics.items()}), 1.0, None)
        rate = row["fast/learning_rate"]
        moved = np.linalg.norm(state.params["a"] - before["a"])
        np.testing.assert_allclose(moved, rate, atol=1e-6)  # of a gradient of norm 1
    t = STEPS - 1
    np.testing.assert_allclose(rate, 2 * cosine((t - 2) / (STEPS - 2)), rtol=1e-5)
    last = cosine((3 * t + 2 - 6) / (3 * (STEPS - 2)))
    np.testing.assert_allclose(row["often/learning_rate"], last, rtol=1e-5)
