"""Numbers that go bad: which step, which examples, which terms; and what is on disk stays good."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bits import assert_same_bits

from vae_jax import Gaussian, NotFiniteError, descend, fit, standard_gaussian, vae
from vae_jax.bounds import iwae_bound
from vae_jax.checkpoint import Checkpoints
from vae_jax.data import binarise
from vae_jax.models import with_prior
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network
from vae_jax.objectives import importance_weighted, weighted_sum
from vae_jax.train import check_metrics, check_params, epoch_order, stream_epoch

N, B = 23, 5
GREYS = np.random.default_rng(0).integers(0, 256, (N, 6)).astype(np.uint8)
SOURCE = [{"x": x} for x in GREYS]
KEY = jax.random.key(3)
MODEL = vae(
    Network(MLP((4,)), GaussianHead((2,))),
    Network(MLP((4,)), BernoulliHead((6,))),
    standard_gaussian(2),
)
OBJECTIVE = weighted_sum(MODEL)


def turning(at, name="loss", value=jnp.nan):
    """An objective that reports a bad number at one step, and is good otherwise."""

    def objective(params, key, batch, step):
        loss, aux = OBJECTIVE(params, key, batch, step)
        bad = jnp.where(step == at, value, aux.metrics[name])
        return loss, aux._replace(metrics={**aux.metrics, name: bad})

    return descend(objective, optax.adam(1e-2))


def until(at):
    """An optimizer whose updates are NaN from the step `at` on."""
    spoil = optax.scale_by_schedule(lambda count: jnp.where(count < at, 1.0, jnp.nan))
    return descend(OBJECTIVE, optax.chain(optax.sgd(1e-2), spoil))


def run(step, data=None, **options):
    defaults = {"key": KEY, "epochs": 4, "batch_size": B, "prepare": binarise(255)}
    return fit(MODEL, step, {"x": GREYS} if data is None else data, **{**defaults, **options})


def batch_of(step):
    """The examples of a step, by the order of its epoch."""
    _, train_key = jax.random.split(KEY)
    steps = N // B
    return epoch_order(train_key, step - step % steps, N, B)[step % steps].tolist()


@pytest.mark.parametrize(
    ("at", "name", "value"),
    [(0, "loss", np.nan), (6, "loss", -np.inf), (7, "rate", np.inf), (11, "distortion", np.nan)],
)
@pytest.mark.parametrize("data", [None, SOURCE], ids=["in memory", "streamed"])
def test_the_step_its_examples_and_its_terms_are_named(at, name, value, data):
    with pytest.raises(NotFiniteError) as raised:
        run(turning(at, name, value), data)
    error = raised.value
    assert error.step == at
    assert error.examples == batch_of(at)
    assert set(error.terms) == {"loss", "distortion", "rate"}
    np.testing.assert_equal(error.terms[name], value)
    assert all(np.isfinite(v) for term, v in error.terms.items() if term != name)
    listed = ", ".join(map(str, batch_of(at)))
    assert f"The numbers of step {at} are not finite: " in str(error)
    assert f"are not finite: {name} {value}" in str(error)  # the bad one first
    assert f"They went bad on the training examples {listed}" in str(error)
    assert error.before == (batch_of(at - 1) if at % (N // B) else [])
    assert ("gradient of the step before" in str(error)) == bool(at % (N // B))
    assert str(error).endswith("Lower the learning rate or clip the gradient.") == (at > 0)
    assert ("No step had been taken, so it is not the learning rate" in str(error)) == (at == 0)


def test_weights_that_are_all_zero_are_refused():
    """Their gradient is zero, and their bound -inf: no training that goes nowhere in silence."""
    model = with_prior(MODEL, Gaussian(jnp.full(2, 1e30), jnp.zeros(2)))
    objective = importance_weighted(model, iwae_bound(), num_draws=3)
    data = {"x": (GREYS > 127).astype(np.float32)}
    with pytest.raises(NotFiniteError, match="step 0 are not finite: bound -inf, loss inf"):
        fit(model, descend(objective, optax.adam(1e-2)), data, key=KEY, epochs=1, batch_size=B)


@pytest.mark.parametrize("values", [[np.nan, np.nan, 0, 0], [0, np.nan, 0, np.inf], [0, 0, 0, 1]])
def test_the_first_bad_step_of_an_epoch(values):
    metrics = {"loss": jnp.zeros(4), "rate": jnp.array(values)}
    if np.all(np.isfinite(values)):
        check_metrics(metrics, KEY, 8, N, B)
        return
    with pytest.raises(NotFiniteError) as raised:
        check_metrics(metrics, KEY, 8, N, B)
    first = int(np.argmin(np.isfinite(values)))
    assert raised.value.step == 8 + first
    assert raised.value.examples == epoch_order(KEY, 8, N, B)[first].tolist()


@pytest.mark.parametrize("parts", [(1, 1, None), (3, None), (2, 2)])
def test_a_part_of_a_streamed_epoch(parts):
    """Whose order is that of the epoch's first step."""
    at, step = 2, turning(2)
    state = step.init(KEY, MODEL.init(jax.random.key(0), np.zeros(6, np.float32)))
    for num_steps in parts:
        first = int(state.step)
        state, metrics = stream_epoch(
            step, state, SOURCE, batch_size=B, prepare=binarise(255), num_steps=num_steps
        )
        if first + len(metrics["loss"]) <= at:
            check_metrics(metrics, KEY, first, N, B)
            continue
        with pytest.raises(NotFiniteError) as raised:
            check_metrics(metrics, KEY, first, N, B)
        assert raised.value.step == at
        assert raised.value.examples == epoch_order(KEY, 0, N, B)[at].tolist()
        break


def test_a_large_batch_is_abridged():
    with pytest.raises(NotFiniteError, match=r"examples (\d+, ){7}\d+ \.\.\. \(20 in all\)\."):
        check_metrics({"loss": jnp.array([jnp.nan])}, KEY, 0, N, 20)


@pytest.mark.parametrize("options", [{}, {"epochs": 2}, {"data": SOURCE}])
def test_parameters_that_went_bad_behind_a_good_loss(tmp_path, options):
    """At the last step of the second epoch; what was saved after the first stays as it was."""
    with pytest.raises(NotFiniteError) as raised:
        run(until(7), folder=tmp_path, **options)
    assert raised.value.step == 7
    assert raised.value.examples == []
    message = r"arrays of parameters are not finite after step 7, whose loss still was: decoder/"
    raised.match(message)
    good = run(until(7), epochs=1)
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert checkpoints.epochs == [1]
        restored = checkpoints.load(1, jax.eval_shape(lambda: good.state))
        assert_same_bits(restored.state, good.state)
        assert_same_bits(checkpoints.load_params(1), good.params)


def test_parameters_that_went_bad_are_not_returned():
    """Nor where nothing is saved and nothing is scored."""
    with pytest.raises(NotFiniteError, match="not finite after step 3,"):
        run(until(3), epochs=1)


def test_a_bad_score(tmp_path):
    """Before it is compared, and before it is saved."""
    held_out = {"x": (GREYS[:4] > 127).astype(np.float32)}
    scores = iter([-2.0, np.nan])
    with pytest.raises(NotFiniteError, match=r"The held-out score of epoch 2 is nan\.") as raised:
        run(
            descend(OBJECTIVE, optax.sgd(1e-2)),
            held_out=held_out,
            score=lambda row: next(scores),
            folder=tmp_path,
        )
    assert raised.value.step == 7
    assert Checkpoints(tmp_path, write=False).epochs == [1]


def test_the_parameters_are_named():
    params = {"a": {"kernel": jnp.array([1.0, jnp.inf])}, "b": jnp.ones(2), "state": jnp.array(1)}
    with pytest.raises(NotFiniteError, match=r"1 arrays .* after step 41, .*: a/kernel"):
        check_params(params, 42)
    carried = {"key": jax.random.key(0), "unused": jnp.array(jnp.nan)}  # not for us to judge
    check_params({"b": jnp.ones(2), "state": carried}, 42)
    many = {f"g{i}": jnp.array(jnp.nan) for i in range(20)}
    with pytest.raises(NotFiniteError) as raised:
        check_params(many, 1)
    assert str(raised.value).count("g") < 20
