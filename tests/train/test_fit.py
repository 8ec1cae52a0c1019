"""Training in one call: the loop one would write, what it reports, and what it returns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bits import assert_same_bits
from flax import linen as nn
from small import (
    DATA,
    GREYS,
    HELD_OUT,
    KEY,
    MODEL,
    OBJECTIVE,
    PREPARE,
    SCHEDULE,
    STEP,
    STEPS,
    B,
    N,
    assert_same_run,
    peak_at,
    run,
    timeless,
)

from vae_jax import (
    descend,
    evaluate,
    fit,
    sampled_rate,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.data import binarise, prepare_fixed
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, JointHead, Network
from vae_jax.train import Progress, average_params


def by_hand(step=STEP, epochs=4, **options):
    """The states after each epoch, and the epochs' metrics."""
    init_key, train_key = jax.random.split(KEY)
    state = step.init(train_key, MODEL.init(init_key, np.zeros(6, np.float32)))
    states, metrics = [], []
    for _ in range(epochs):
        state, reported = train_epoch(
            step, state, DATA, **{"batch_size": B, "prepare": PREPARE, **options}
        )
        states.append(jax.tree.map(lambda leaf: leaf.copy(), state))
        metrics.append(reported)
    return states, metrics


@pytest.fixture(scope="module")
def plain():
    return run(held_out=HELD_OUT)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("scan", [True, False])
def test_fit_is_the_loop_written_by_hand(name, scan):
    fitted = run(STEPS[name], scan=scan)
    states, metrics = by_hand(STEPS[name], scan=scan)
    assert_same_bits(fitted.state, states[-1])
    assert_same_bits(fitted.params, average_params(states[-1]))
    assert [row["data"] for row in fitted.rows] == ["train"] * 4
    for epoch, (row, reported) in enumerate(zip(fitted.rows, metrics, strict=True), 1):
        assert (row["epoch"], row["step"]) == (epoch, epoch * (N // B))
        for term, values in reported.items():
            assert row[term] == np.mean(np.asarray(values, np.float64))
    assert fitted.ended == "finished"
    assert fitted.progress == Progress(4)


@pytest.mark.parametrize("scan", [True, False])
def test_scan_reaches_the_epoch(monkeypatch, scan):
    """The bits are often the same either way: only a clock would tell."""
    asked = []

    def watched(*args, scan, **options):
        asked.append(scan)
        return train_epoch(*args, scan=scan, **options)

    monkeypatch.setattr("vae_jax.train.loop.train_epoch", watched)
    run(epochs=1, scan=scan)
    assert asked == [scan]


def test_looking_and_saving_do_not_change_the_descent(plain, tmp_path):
    """Neither held-out data, nor checkpoints, nor a report."""
    states, _ = by_hand()
    looks = []
    saved = run(held_out=HELD_OUT, folder=tmp_path, report=lambda row, params: looks.append(params))
    assert_same_bits(plain.state, states[-1])
    assert_same_run(saved, plain)
    assert timeless(saved.rows) == timeless(plain.rows)
    assert len(looks) == 8


@pytest.mark.parametrize("name", ["descend", "averaged"])
def test_held_out_rows_are_those_of_evaluate(name):
    states, _ = by_hand(STEPS[name])
    rows = [row for row in run(STEPS[name], held_out=HELD_OUT).rows if row["data"] == "held_out"]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    _, train_key = jax.random.split(KEY)
    key = jax.random.fold_in(train_key, 2**32 - 3)  # what a saved run goes on with
    for state, row in zip(states, rows, strict=True):
        bound = evaluate.elbos(MODEL, average_params(state), key, HELD_OUT, batch_size=B)
        expected = evaluate.mean(bound.value)
        assert (row["elbo"], row["elbo_standard_error"]) == expected
        assert row["distortion"] == np.mean(bound.distortion, dtype=np.float64)
        assert row["rate"] == np.mean(bound.rate, dtype=np.float64)
        np.testing.assert_allclose(row["elbo"], -row["distortion"] - row["rate"], rtol=1e-5)


def test_the_rate_may_be_sampled(plain):
    sampled = run(held_out=HELD_OUT, epochs=1, rate=sampled_rate)
    assert sampled.rows[0]["rate"] == plain.rows[0]["rate"]
    assert sampled.rows[1]["rate"] != plain.rows[1]["rate"]
    assert sampled.rows[1]["distortion"] == plain.rows[1]["distortion"]


def test_a_train_row(plain):
    first, second = [row for row in plain.rows if row["data"] == "train"][:2]
    assert first["bound"] == -first["distortion"] - first["rate"]
    np.testing.assert_allclose(first["bound"], -first["loss"], rtol=1e-6)
    assert "examples_per_second" not in first  # it compiled
    assert second["examples_per_second"] == (N // B) * B / second["seconds"]
    for row in (first, second):  # of the last step of the epoch, step - 1
        np.testing.assert_allclose(row["learning_rate"], SCHEDULE(row["step"] - 1), rtol=1e-6)
    assert "learning_rate" not in run(STEPS["alternate"], epochs=1).rows[0]
    assert "learning_rate" in run(STEPS["averaged"], epochs=1).rows[0]
    constant = descend(OBJECTIVE, optax.inject_hyperparams(optax.sgd)(0.25))
    assert run(constant, epochs=1).rows[0]["learning_rate"] == 0.25


@pytest.mark.parametrize("name", ["descend", "averaged"])
def test_the_parameters_of_the_best_score_are_returned(name):
    fitted = run(STEPS[name], held_out=HELD_OUT, score=peak_at(2))
    states, _ = by_hand(STEPS[name])
    assert_same_bits(fitted.params, average_params(states[1]))
    assert_same_bits(fitted.state, states[-1])
    assert fitted.progress == Progress(4, best_epoch=2, best_score=0.0, since_best=2)


def test_the_score_is_the_held_out_bound(plain):
    bounds = [row["elbo"] for row in plain.rows if row["data"] == "held_out"]
    assert plain.progress.best_score == max(bounds)
    assert plain.progress.best_epoch == 1 + int(np.argmax(bounds))


def test_of_equal_scores_the_first_is_chosen():
    fitted = run(held_out=HELD_OUT, score=lambda row: np.float32(min(row["epoch"], 2)))
    assert_same_bits(fitted.params, by_hand()[0][1].params)
    assert fitted.progress == Progress(4, 2, 2.0, 2)
    assert type(fitted.progress.best_score) is float


def test_without_a_score_the_last_are_returned():
    fitted = run(held_out=HELD_OUT, score=None)
    assert_same_bits(fitted.params, by_hand()[0][-1].params)
    assert fitted.progress == Progress(4)
    assert [row["data"] for row in fitted.rows] == ["train", "held_out"] * 4


def test_evaluations_every_other_epoch_and_at_the_end():
    fitted = run(held_out=HELD_OUT, evaluate_every=3, epochs=7)
    assert [row["epoch"] for row in fitted.rows if row["data"] == "held_out"] == [3, 6, 7]
    assert [row["epoch"] for row in fitted.rows if row["data"] == "train"] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("patience", "every", "peak", "last"),
    [(1, 1, 1, 2), (2, 1, 1, 3), (2, 1, 3, 5), (2, 2, 2, 6), (3, 1, 9, 9), (1, 3, 9, 9)],
)
def test_patience_counts_scores_since_the_best(patience, every, peak, last):
    fitted = run(
        held_out=HELD_OUT,
        score=peak_at(peak),
        patience=patience,
        evaluate_every=every,
        epochs=9,
    )
    assert fitted.progress.epoch == last
    assert fitted.ended == ("finished" if last == 9 else "stopped early")
    assert fitted.progress.best_epoch == peak


def test_a_new_best_begins_the_count_anew():
    scores = [0.0, -1.0, 1.0, 0.5, 1.0, 2.0]
    fitted = run(
        held_out=HELD_OUT, score=lambda row: scores[row["epoch"] - 1], patience=2, epochs=6
    )
    assert fitted.ended == "stopped early"
    assert fitted.progress == Progress(5, best_epoch=3, best_score=1.0, since_best=2)


def test_the_report_is_called_with_each_row_and_the_parameters_then():
    seen = []

    def report(row, params):
        seen.append((row, jax.tree.map(lambda leaf: leaf.copy(), params)))

    fitted = run(STEPS["averaged"], held_out=HELD_OUT, score=peak_at(1), report=report, epochs=2)
    assert [row for row, _ in seen] == fitted.rows
    states, _ = by_hand(STEPS["averaged"], 2)
    for (row, params), epoch in zip(seen, (1, 1, 2, 2), strict=True):
        assert row["epoch"] == epoch
        assert_same_bits(params, average_params(states[epoch - 1]))


def test_seeds(plain):
    assert_same_run(run(held_out=HELD_OUT), plain)
    other = run(held_out=HELD_OUT, key=jax.random.key(4))
    for a, b in zip(*map(jax.tree.leaves, (plain.params, other.params)), strict=True):
        assert not np.array_equal(a, b)
    assert other.rows[1]["elbo"] != plain.rows[1]["elbo"]


def test_an_event_may_be_a_tree_and_its_mask_drawn_at_every_step():
    """From the data to the held-out row."""
    shapes = {"image": (6,), "label": (1,)}
    heads = JointHead({name: BernoulliHead(shape) for name, shape in shapes.items()})

    class Flat(nn.Module):
        @nn.compact
        def __call__(self, x, c):
            seen = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(x)])
            return nn.Dense(4)(jnp.concatenate([seen * c, c]))

    def prepare(key, example):
        x_key, c_key = jax.random.split(key)
        mask = jax.random.bernoulli(c_key, 0.5, (7,)).astype(jnp.float32)
        return {**binarise(255)(x_key, example), "c": mask}

    as_it_is = lambda c: c  # noqa: E731
    encoder = Network(Flat(), GaussianHead((2,)), embed=as_it_is)
    model = vae(encoder, Network(MLP((4,)), heads, embed=as_it_is), standard_gaussian(2))
    data = {"x": {"image": GREYS[:N], "label": GREYS[:N, :1]}}
    held_out = prepare_fixed(prepare, KEY, data)
    step = descend(weighted_sum(model), optax.adam(1e-2))
    given = {"key": KEY, "epochs": 1, "batch_size": B, "prepare": prepare}
    rows = fit(model, step, data, held_out=held_out, **given).rows
    assert 7 * np.log(2) / 2 < rows[1]["distortion"] < 7 * 1.5  # seven coins, nearly
    with pytest.raises(TypeError, match="prepare_fixed takes a dict"):
        prepare_fixed(prepare, KEY, GREYS)
