"""Steps and epochs of one objective."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from vae_jax import (
    TrainState,
    checkpoint,
    decay_mask,
    descend,
    importance_weighted,
    iwae_bound,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.data import binarise
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, LearnedScale, Network
from vae_jax.objectives import Aux

N, B = 23, 5
GREYS = np.random.default_rng(0).integers(0, 256, (N, 6)).astype(np.uint8)
DATA = {"x": (GREYS > 127).astype(np.float32)}

MODEL = vae(
    Network(MLP((4,)), GaussianHead((2,))),
    Network(MLP((4,)), BernoulliHead((6,))),
    standard_gaussian(2),
)
PARAMS = MODEL.init(jax.random.key(5), DATA["x"][0])
STEP = descend(weighted_sum(MODEL), optax.adam(1e-2))
UPDATE = jax.jit(STEP.update)


def assert_same_bits(one, other):
    jax.tree.map(np.testing.assert_array_equal, *map(raw, (one, other)))


def raw(tree):
    """Typed keys as their numbers, so that numpy can compare them."""
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return jax.tree.map(lambda x: jax.random.key_data(x) if is_key(x) else np.asarray(x), tree)


def epochs(state, count, step=STEP, data=DATA, **settings):
    metrics = []
    for _ in range(count):
        state, reported = train_epoch(step, state, data, **{"batch_size": B, **settings})
        metrics.append(reported)
    return state, metrics


def test_two_and_two_steps_are_four(tmp_path):
    """An interruption, and a run without one: the same bits."""
    batches = [{"x": DATA["x"][i : i + B]} for i in range(0, 4 * B, B)]
    state = whole = STEP.init(jax.random.key(0), PARAMS)
    for batch in batches:
        whole, _ = UPDATE(whole, batch)
    for batch in batches[:2]:
        state, _ = UPDATE(state, batch)
    checkpoint.save(tmp_path / "state", state)
    restored = checkpoint.load(tmp_path / "state", STEP.init(jax.random.key(9), PARAMS))
    assert type(restored) is TrainState
    for batch in batches[2:]:
        restored, _ = UPDATE(restored, batch)
    assert_same_bits(restored, whole)
    assert whole.step == 4
    assert not np.array_equal(whole.params["encoder"]["head"]["loc"]["bias"], np.zeros(2))


@pytest.mark.parametrize("scan", [True, False])
def test_two_and_two_epochs_are_four(tmp_path, scan):
    whole, reported = epochs(STEP.init(jax.random.key(0), PARAMS), 4, scan=scan)
    half, first = epochs(STEP.init(jax.random.key(0), PARAMS), 2, scan=scan)
    checkpoint.save(tmp_path / "state", half)
    like = jax.eval_shape(lambda: half)
    rest, second = epochs(checkpoint.load(tmp_path / "state", like), 2, scan=scan)
    assert_same_bits(rest, whole)
    assert_same_bits(first + second, reported)


@pytest.mark.parametrize("scan", [True, False])
def test_an_epoch_is_a_loop_of_updates(scan):
    """Over the batches that it drew, as an objective that reports its batch sees them."""
    objective = weighted_sum(MODEL)

    def reporting(params, key, batch, step):
        loss, aux = objective(params, key, batch, step)
        return loss, aux._replace(metrics={**aux.metrics, "batch": batch["x"]})

    settings = {"data": {"x": GREYS}, "prepare": binarise(255), "scan": scan}
    step = descend(reporting, optax.adam(1e-2))
    epoch, (metrics,) = epochs(STEP.init(jax.random.key(0), PARAMS), 1, step, **settings)
    assert metrics["batch"].shape == (N // B, B, 6)
    assert set(np.unique(metrics["batch"])) == {0.0, 1.0}
    state, losses = STEP.init(jax.random.key(0), PARAMS), []
    for x in metrics["batch"]:
        state, reported = UPDATE(state, {"x": x})
        losses.append(reported["loss"])
    # one program or four: XLA may fuse otherwise, a few roundings; Adam divides small by small
    np.testing.assert_allclose(metrics["loss"], losses, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        epoch.params,
        state.params,
    )


@pytest.mark.parametrize("scan", [True, False])
def test_the_callers_parameters_outlive_the_donated_state(scan):
    before = jax.tree.map(np.array, PARAMS)
    key = jax.random.key(0)
    state = STEP.init(key, PARAMS)
    again, _ = epochs(state, 1, scan=scan)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))  # given away
    assert_same_bits(PARAMS, before)
    assert_same_bits(jax.random.key_data(key), jax.random.key_data(jax.random.key(0)))
    other, _ = epochs(STEP.init(key, PARAMS), 1, scan=scan)
    assert_same_bits(again, other)


def test_seeds():
    one, same, other = (epochs(STEP.init(jax.random.key(s), PARAMS), 1)[0] for s in (0, 0, 1))
    assert_same_bits(one, same)
    for a, b in zip(*map(jax.tree.leaves, (one.params, other.params)), strict=True):
        assert not np.array_equal(a, b)


def watching(params, key, batch, step):
    """An objective that reports what it was given."""
    loss = jnp.sum(params["encoder"] ** 2)
    return loss, Aux({**batch, "key": jax.random.key_data(key), "step": step})


def watch(data, count, seed=0, **settings):
    step = descend(watching, optax.sgd(0.1))
    state = step.init(jax.random.key(seed), {"encoder": jnp.ones(2)})
    return epochs(state, count, step, data, **settings)[1]


def test_an_epoch_draws_the_same_whether_it_is_scanned_or_not():
    data = {"x": GREYS, "c": np.arange(N)}
    one, other = (watch(data, 2, prepare=binarise(255), scan=scan) for scan in (True, False))
    assert_same_bits(one, other)


def test_step_t_draws_from_the_key_with_t_folded_in():
    metrics = watch(DATA, 2)
    for t, key in enumerate(np.concatenate([m["key"] for m in metrics])):
        expected = jax.random.key_data(jax.random.fold_in(jax.random.key(0), t))
        np.testing.assert_array_equal(key, expected)
    np.testing.assert_array_equal(metrics[1]["step"], [4, 5, 6, 7])


def test_an_epoch_visits_every_example_once_in_an_order_of_its_own():
    ids = np.arange(20)
    orders = [m["x"] for m in watch({"x": ids}, 3)]
    assert orders[0].shape == (4, B)
    for order in orders:
        np.testing.assert_array_equal(np.sort(np.ravel(order)), ids)
    assert len({tuple(np.ravel(order)) for order in [*orders, ids]}) == 4
    assert not np.array_equal(watch({"x": ids}, 1, seed=1)[0]["x"], orders[0])


def test_the_rest_of_an_epoch_waits():
    orders = [np.ravel(m["x"]) for m in watch({"x": np.arange(N)}, 12)]
    assert all(len(set(order)) == N - N % B for order in orders)
    # 3 of 23 are left out an epoch: one of them 12 times with probability 23 (3 / 23)^12 = 6e-10
    assert set(np.concatenate(orders)) == set(range(N))


def test_labels_travel_with_their_images():
    for m in watch({"x": GREYS, "c": GREYS.sum(1, dtype=np.int32)}, 2):
        np.testing.assert_array_equal(m["x"].sum(-1, dtype=np.int32), m["c"])


def test_images_are_binarised_anew():
    """Each by its own draw, in every epoch and for every image of a batch."""
    data = {"x": np.full((20, 64), 128, np.uint8), "c": np.arange(20)}
    first, second = (
        np.asarray(m["x"]).reshape(20, 64)[np.argsort(np.ravel(m["c"]))]
        for m in watch(data, 2, prepare=binarise(255))
    )
    assert set(np.unique(first)) == {0.0, 1.0}
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 40
    # 40 * 64 fair coins, standard error 0.01
    assert abs(np.mean([first, second]) - 128 / 255) < 4.5 * 0.01


@pytest.mark.parametrize("scan", [True, False])
def test_a_condition_is_drawn_anew_at_every_step(scan):
    """A mask that the data do not hold."""

    def prepare(key, example):
        return {**example, "c": jax.random.bernoulli(key, 0.5, (64,))}

    data = {"x": np.arange(20)}
    masks = [np.reshape(m["c"], (20, 64)) for m in watch(data, 2, prepare=prepare, scan=scan)]
    assert len(np.unique(np.concatenate(masks), axis=0)) == 40


def test_bytes_stay_bytes_on_the_device():
    state = jax.eval_shape(lambda: STEP.init(jax.random.key(0), PARAMS))

    @jax.jit
    def epoch(state, data):
        return train_epoch(STEP, state, data, batch_size=B, prepare=binarise(255))

    program = epoch.lower(state, {"x": GREYS}).as_text()
    assert f"tensor<{N}x6xui8>" in program
    assert f"tensor<{N}x6xf32>" not in program


def test_data_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"of 24: batch_size=<at most 23>, or more"):
        watch(DATA, 1, batch_size=24)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        watch(DATA, 1, batch_size=0)
    with pytest.raises(ValueError, match=r"one entry for each example; .* \[22, 23\]"):
        watch({**DATA, "c": np.arange(N - 1)}, 1)
    with pytest.raises(ValueError, match="key must be one scalar key"):
        STEP.init(jax.random.split(jax.random.key(0)), PARAMS)
    with pytest.raises(TypeError, match="key must be a typed key"):
        STEP.init(jax.random.PRNGKey(0), PARAMS)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.sgd(0.1, momentum=0.9),
        optax.adamw(optax.cosine_decay_schedule(1e-2, 8), weight_decay=0.1, mask=decay_mask),
        optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2)),
    ],
    ids=["sgd", "adamw", "clipped"],
)
def test_any_optimizer(optimizer):
    step = descend(weighted_sum(MODEL), optimizer)
    state, metrics = epochs(step.init(jax.random.key(0), PARAMS), 2, step)
    assert np.all(np.isfinite([m["loss"] for m in metrics]))
    for before, after in zip(*map(jax.tree.leaves, (PARAMS, state.params)), strict=True):
        assert not np.array_equal(before, after)


def test_the_optimizer_is_optaxs():
    """One step of plain gradient descent, by hand."""
    step = descend(weighted_sum(MODEL), optax.sgd(0.5))
    state = step.init(jax.random.key(3), PARAMS)
    batch, key = {"x": DATA["x"][:B]}, jax.random.fold_in(jax.random.key(3), 0)
    loss = lambda params: weighted_sum(MODEL)(params, key, batch, 0)[0]  # noqa: E731
    before, gradient = jax.jit(jax.value_and_grad(loss))(PARAMS)
    after, metrics = jax.jit(step.update)(state, batch)
    expected = jax.tree.map(lambda p, g: p - 0.5 * g, PARAMS, gradient)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), after.params, expected
    )
    np.testing.assert_allclose(metrics["loss"], before, rtol=1e-6)


def test_weight_decay_spares_biases_norms_and_scales():
    model = vae(
        Network(MLP((4,), norm=nn.LayerNorm), GaussianHead((2,))),
        Network(MLP((4,)), GaussianHead((6,), LearnedScale(initial=1.0))),
        standard_gaussian(2),
    )
    params = jax.tree.map(lambda leaf: leaf + 1, model.init(jax.random.key(0), DATA["x"][0]))
    mask = decay_mask(params)
    names = {
        jax.tree_util.keystr(path[-1:], simple=True): shrinks
        for path, shrinks in jax.tree_util.tree_leaves_with_path(mask)
    }
    # the predicted scale has a kernel too, in a module "log_scale"; the learned one is a parameter
    assert names == {"kernel": True, "bias": False, "scale": False, "log_scale": False}
    optimizer = optax.adamw(0.1, weight_decay=0.5, mask=decay_mask)
    zeros = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zeros, optimizer.init(params), params)
    for update, leaf, shrinks in zip(*map(jax.tree.leaves, (updates, params, mask)), strict=True):
        np.testing.assert_allclose(update, -0.05 * leaf * shrinks, rtol=1e-6)


def test_half_precision_networks_keep_float32_parameters():
    bf16 = jnp.bfloat16
    model = vae(
        Network(MLP((4,), dtype=bf16), GaussianHead((2,), dtype=bf16)),
        Network(MLP((4,), dtype=bf16), BernoulliHead((6,), dtype=bf16)),
        standard_gaussian(2),
    )
    step = descend(importance_weighted(model, iwae_bound(), num_draws=2), optax.adam(1e-2))
    state, (metrics,) = epochs(step.init(jax.random.key(0), PARAMS), 1, step)
    assert metrics["loss"].dtype == jnp.float32
    assert np.all(np.isfinite(metrics["loss"]))
    for leaf in jax.tree.leaves((state.params, state.opt_state[0].mu)):
        assert leaf.dtype == jnp.float32
    assert not np.array_equal(state.params["encoder"]["head"]["loc"]["bias"], np.zeros(2))


def test_the_loss_falls():
    _, metrics = epochs(STEP.init(jax.random.key(0), PARAMS), 40)
    first, last = (np.mean([m["loss"] for m in part]) for part in (metrics[:2], metrics[-10:]))
    assert last < first - 0.2


def test_a_state_that_was_given_away_is_refused():
    state = STEP.init(jax.random.key(0), PARAMS)
    train_epoch(STEP, state, DATA, batch_size=B)
    with pytest.raises(ValueError, match="use the state it returned"):
        train_epoch(STEP, state, DATA, batch_size=B)
