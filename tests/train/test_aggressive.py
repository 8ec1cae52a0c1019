"""An encoder that is ahead: on losses that need no network, and in `fit`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small import MODEL, OBJECTIVE, run

from vae_jax import Player, Term, descend, weighted_sum
from vae_jax.objectives import Aux, information
from vae_jax.train import aggressive

P = 4
BATCH = {"x": jnp.array([1.0, 10.0, 100.0, 1000.0] * 2)}  # every part of one number
PARAMS = {"a": jnp.ones(()), "b": jnp.ones(())}
KEY = jax.random.key(0)


def told(table):
    """An information that is known beforehand."""
    return lambda params, key, batch, step: (jnp.array(table)[step], Aux({}))


def steps(of_a, of_b, table, *, count, rate=1.0, parts=P, **options):
    """The states and metrics of some steps."""
    players = (Player("a", of_a, ("a",), optax.sgd(rate)), Player("b", of_b, ("b",), optax.sgd(1)))
    step = aggressive(*players, told(table), parts=parts, every=1, **options)
    states, rows = [step.init(KEY, PARAMS)], []
    for _ in range(count):
        state, metrics = jax.jit(step.update)(states[-1], BATCH)
        states.append(state)
        rows.append(jax.tree.map(float, metrics))
    return states, rows


def falling(name):
    """A loss whose gradient is the mean of the batch."""

    def loss(params, key, batch, step):
        value = params[name] * batch["x"].mean()
        return value, Aux({"loss": value})

    return loss


def square(params, key, batch, step):
    value = params["a"] ** 2
    return value, Aux({"loss": value})


def product(params, key, batch, step):
    value = params["a"] ** 2 * params["b"] ** 2 * batch["x"].mean()
    return value, Aux({"loss": value})


def test_the_encoder_sees_fresh_batches_and_the_rest_the_last():
    states, rows = steps(falling("a"), falling("b"), [0.0], count=1)
    assert states[1].params == {"a": 1 - 111.0, "b": 1 - 1000.0}
    assert rows[0] == {"loss": 1000.0, "updates": 3.0, "aggressive": 1.0, "information": 0.0}


def test_it_stops_where_the_loss_does():
    """Of a square, which one descent brings to its least: the third window is not below."""
    options = {"count": 1, "rate": 0.5, "parts": 8, "window": 2}
    states, rows = steps(square, falling("b"), [0.0], **options)
    assert rows[0]["updates"] == 6
    _, rows = steps(square, falling("b"), [0.0], **{**options, "window": 3})
    assert rows[0]["updates"] == 7  # the last is the rest's
    assert states[1].params["a"] == 0


@pytest.mark.parametrize(
    ("table", "patience", "goes_on"),
    [
        ([0, 1, 2, 1, 5, 5], 1, [1, 1, 1, 0, 0, 0]),
        ([0, 2, 1, 3, 2, 2], 2, [1, 1, 1, 1, 1, 0]),
        ([0, 0, 1, 1, 2, 2], 1, [1, 1, 1, 1, 1, 1]),
    ],
)
def test_it_goes_on_for_as_long_as_the_information_grows(table, patience, goes_on):
    table = [float(number) for number in table]
    _, rows = steps(falling("a"), falling("b"), table, count=6, patience=patience)
    assert [row["aggressive"] for row in rows] == goes_on
    assert [row["updates"] for row in rows] == [3 if on else P for on in goes_on]
    last = len(goes_on) if all(goes_on) else goes_on.index(0) + 1
    looked = [*table[:last], *[table[last - 1]] * (6 - last)]
    assert [row["information"] for row in rows] == looked


def test_afterwards_it_is_one_descent_of_both_for_each_part():
    """By the gradient at the same parameters: in turn, the second would see what the first did."""
    small = {"x": BATCH["x"] / 1e4}
    players = [Player(n, product, (n,), optax.sgd(0.1, momentum=0.5)) for n in ("a", "b")]
    step = aggressive(*players, told([-1.0]), parts=P)
    state, metrics = jax.jit(step.update)(step.init(KEY, PARAMS), small)
    one = descend(product, optax.sgd(0.1, momentum=0.5))
    alone, losses = one.init(KEY, PARAMS), []
    for part in range(P):
        alone, own = one.update(alone, {"x": small["x"][part::P]})
        losses.append(own["loss"])
    assert metrics["aggressive"] == 0
    np.testing.assert_allclose(metrics["loss"], np.mean(losses), rtol=1e-6)
    for name in PARAMS:
        np.testing.assert_allclose(state.params[name], alone.params[name], rtol=1e-6)


def test_in_fit():
    look = weighted_sum(MODEL, [Term("information", information)])
    adam = optax.adam(1e-2)
    players = (
        Player("encoder", OBJECTIVE, ("encoder",), adam),
        Player("decoder", OBJECTIVE, ("decoder",), adam),
    )
    step = aggressive(*players, look, parts=P, window=1, every=1)
    rows = run(step, batch_size=5 * P, epochs=3).rows
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert 1 <= row["updates"] <= P
        assert row["aggressive"] in (0, 1)
        assert 0 <= row["information"] < np.log(5 * P) + 1e-5
        np.testing.assert_allclose(row["bound"], -row["distortion"] - row["rate"], rtol=1e-6)
    assert rows[0]["aggressive"] == 1


def test_what_makes_no_step():
    players = (Player("a", square, ("a",), optax.sgd(1)), Player("b", product, ("b",), ()))
    with pytest.raises(ValueError, match="parts must be at least 2, the encoder's and the rest's"):
        aggressive(*players, told([0.0]), parts=1)
    with pytest.raises(ValueError, match="window must be at least 1; got 0"):
        aggressive(*players, told([0.0]), parts=2, window=0)
    with pytest.raises(ValueError, match="Players need names of their own"):
        aggressive(players[0], players[0], told([0.0]), parts=2)
    with pytest.raises(ValueError, match=r"8 does not make 3 equal parts: pass batch_size=3 \* B"):
        steps(square, product, [0.0], count=1, parts=3)
