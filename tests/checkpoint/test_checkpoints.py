"""The checkpoints of a run: which are kept, and what is in them."""

import pickle
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bits import assert_same_bits

from vae_jax import Player, TrainState, alternate, averaged, decay_mask, descend, train_epoch
from vae_jax.checkpoint import Checkpoints
from vae_jax.objectives import Aux

PARAMS = {"a": {"kernel": jnp.arange(6.0).reshape(2, 3)}, "b": jnp.ones(4), "state": jnp.array(7)}
DATA = {"x": np.ones((8, 4), np.float32)}


def square(params, key, batch, step):
    loss = jnp.sum(params["a"]["kernel"] ** 2) + jnp.sum((params["b"] - batch["x"].mean(0)) ** 2)
    return loss + jax.random.normal(key), Aux({"loss": loss}, params["state"] + 1)


STEP = descend(square, optax.adam(1e-2))


def state_at(value, key=0):
    params = {**PARAMS, "b": jnp.full(4, float(value))}
    return STEP.init(jax.random.key(key), params)


LIKE = jax.eval_shape(lambda: state_at(0))


def save_all(folder, scores, keep=2):
    """A checkpoint of each epoch, 1, 2, ...; which of them are left."""
    with Checkpoints(folder, keep) as checkpoints:
        for epoch, score in enumerate(scores, 1):
            state = state_at(epoch)
            checkpoints.save(epoch, state, state.params, {"epoch": epoch}, score)
    return checkpoints.epochs


@pytest.mark.parametrize(
    ("scores", "keep", "left"),
    [
        ([None] * 5, 2, [4, 5]),
        ([None] * 5, 1, [5]),
        ([0.1, 0.9, 0.3, 0.2, -1.0], 2, [2, 4, 5]),
        ([-3.0, -2.0, -4.0, -5.0], 1, [2, 4]),
        ([0.1, 0.2, 0.3, 0.4, 0.5], 2, [4, 5]),
        ([0.9, None, None, None, None], 2, [1, 4, 5]),
        ([0.5, 0.9, 0.9, 0.9, 0.1, 0.1], 1, [2, 6]),  # of equals the first
        ([0.0, -0.5, -0.5, None], 1, [1, 4]),
    ],
)
def test_the_last_few_and_the_best_are_kept(tmp_path, scores, keep, left):
    assert save_all(tmp_path, scores, keep) == left
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == left


def test_the_best_is_known_to_the_next_process(tmp_path):
    save_all(tmp_path, [0.1, 0.9, 0.2])
    with Checkpoints(tmp_path, 2) as checkpoints:
        for epoch, score in ((4, 0.3), (5, 0.9), (6, None)):
            checkpoints.save(epoch, state_at(epoch), PARAMS, {}, score)
    assert checkpoints.epochs == [2, 5, 6]


def test_epochs_are_in_order_of_their_numbers(tmp_path):
    with Checkpoints(tmp_path, 3) as checkpoints:
        for epoch in (2, 9, 10):
            checkpoints.save(epoch, state_at(epoch), PARAMS, {})
        checkpoints.wait()
        assert checkpoints.epochs == [2, 9, 10]


def test_progress_is_read_as_it_was_written(tmp_path):
    progress = {"third": 1 / 3, "tiny": 5e-324, "none": None, "count": 2**53 + 1, "zero": -0.0}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state_at(3), PARAMS, progress, score=0.1 + 0.2)
        for read in (checkpoints.progress(3), checkpoints.load(3, LIKE).progress):
            assert read == progress
            assert [type(value) for value in read.values()] == [
                type(progress[name]) for name in read
            ]


SCHEDULE = optax.cosine_decay_schedule(1e-2, 8)
OPTIMIZERS = {
    "adamw": optax.adamw(SCHEDULE, weight_decay=0.1, mask=decay_mask),
    "injected": optax.chain(
        optax.clip_by_global_norm(1.0), optax.inject_hyperparams(optax.adam)(SCHEDULE)
    ),
    "every other": optax.MultiSteps(optax.sgd(0.1, momentum=0.9), 2),
    "many": optax.chain(*[optax.trace(0.5 / i) for i in range(1, 13)], optax.scale(-0.1)),
}
STEPS = {
    **{name: descend(square, optimizer) for name, optimizer in OPTIMIZERS.items()},
    "averaged": averaged(STEP, 0.9),
    "players": alternate(
        Player("one", square, ("a",), optax.adam(1e-2)),
        Player("two", square, ("b",), optax.sgd(0.1)),
    ),
}


@pytest.mark.parametrize(
    ("name", "impl"), [*((name, "threefry2x32") for name in STEPS), ("averaged", "rbg")]
)
def test_a_state_of_training_is_restored_bit_for_bit(tmp_path, name, impl):
    step, key = STEPS[name], jax.random.key(1, impl=impl)
    state, _ = train_epoch(step, step.init(key, PARAMS), DATA, batch_size=2)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state, state.params, {})
        restored = checkpoints.load(1, jax.eval_shape(step.init, key, PARAMS)).state
        assert_same_bits(checkpoints.load_params(1), state.params)
    assert type(restored) is TrainState
    assert_same_bits(restored, state)
    again, _ = train_epoch(step, restored, DATA, batch_size=2)
    assert_same_bits(again, train_epoch(step, state, DATA, batch_size=2)[0])


def test_the_parameters_are_those_to_be_used(tmp_path):
    """Which need not be those of the state; and no optimizer is needed to read them."""
    save_all(tmp_path, [None])
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, state_at(2), {"b": jnp.full(4, 0.5)}, {})
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert_same_bits(checkpoints.load_params(1), state_at(1).params)
        assert_same_bits(checkpoints.load_params(2), {"b": jnp.full(4, 0.5)})
        assert_same_bits(checkpoints.load(2, LIKE).state, state_at(2))


def test_saved_is_the_state_at_the_time_of_saving(tmp_path):
    """Though its memory is given away at once, and the writing takes its time."""
    params = {**PARAMS, "b": jnp.ones(4), "large": jnp.zeros((500, 1000))}
    pull = lambda p, *rest: (jnp.sum((p["large"] - 1) ** 2), Aux({}))  # noqa: E731
    step = descend(pull, optax.sgd(0.1))
    state, expected = step.init(jax.random.key(0), params), []
    with Checkpoints(tmp_path, keep=6) as checkpoints:
        for epoch in range(1, 6):
            expected.append(jax.tree.map(np.array, state.params))
            checkpoints.save(epoch, state, state.params, {})
            state, _ = train_epoch(step, state, DATA, batch_size=2)
    like = jax.eval_shape(lambda: state)
    for epoch, params in enumerate(expected, 1):
        assert_same_bits(checkpoints.load(epoch, like).state.params, params)
        assert_same_bits(checkpoints.load_params(epoch), params)


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    save_all(tmp_path, [0.5])

    def refuse(*args, **kwargs):
        raise AssertionError("A pickle was read.")

    for name in ("load", "loads", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or path.read_bytes()[:1] != b"\x80"  # how a pickle begins
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert_same_bits(checkpoints.load(1, LIKE).state, state_at(1))
        assert_same_bits(checkpoints.load_params(1), state_at(1).params)


@pytest.mark.parametrize("name", ["9.orbax-checkpoint-tmp", "9.orbax-checkpoint-tmp-1234"])
def test_what_another_process_writes_is_left_alone_by_a_reader(tmp_path, name):
    save_all(tmp_path, [None])
    (tmp_path / name / "state").mkdir(parents=True)
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert checkpoints.epochs == [1]
        assert_same_bits(checkpoints.load(1, LIKE).state, state_at(1))
        with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*9; there are \[1\]\."):
            checkpoints.load(9, LIKE)
    assert (tmp_path / name / "state").is_dir()
    with Checkpoints(tmp_path) as checkpoints:  # a writer: what is there, no one else is writing
        checkpoints.save(2, state_at(2), PARAMS, {})
        checkpoints.wait()
        assert checkpoints.epochs == [1, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"1", "2"}


def test_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There are no checkpoints at .*nowhere\."):
        Checkpoints(tmp_path / "nowhere", write=False)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(ValueError, match="keep must be at least 1; got 0"):
        Checkpoints(tmp_path, keep=0)
    save_all(tmp_path, [None, None])
    with Checkpoints(tmp_path, write=False) as checkpoints:
        with pytest.raises(ValueError, match="was opened to be read: pass write=True"):
            checkpoints.save(3, state_at(3), PARAMS, {})
        for read in (lambda: checkpoints.load(4, LIKE), lambda: checkpoints.load_params(4)):
            with pytest.raises(FileNotFoundError, match=r"There is no .*4; there are \[1, 2\]\."):
                read()
        other = jax.eval_shape(descend(square, optax.sgd(0.1)).init, jax.random.key(0), PARAMS)
        message = r"2 is of another architecture or optimizer\. opt_state/0/count: saved int32 \[\]"
        with pytest.raises(ValueError, match=message):
            checkpoints.load(2, other)
        with pytest.raises(ValueError, match=r"params/b: saved float32 \[4\], expected .* \[5\]"):
            checkpoints.load(2, LIKE._replace(params={**PARAMS, "b": jnp.ones(5)}))
    with Checkpoints(tmp_path) as checkpoints:
        for epoch in (1, 2):
            with pytest.raises(ValueError, match=r"Epoch . cannot be saved: .* \[1, 2\] already"):
                checkpoints.save(epoch, state_at(9), PARAMS, {})
    assert_same_bits(checkpoints.load(2, LIKE).state, state_at(2))


def test_checkpoints_that_were_written_leave_no_threads_and_no_open_files(tmp_path):
    """Of one for each there would be too many of them after some hundreds."""
    left = []
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for epoch in range(1, 9):
            checkpoints.save(epoch, PARAMS, PARAMS, {"epoch": epoch})
            checkpoints.wait()
            left.append(threading.active_count())
    assert left[-1] <= left[2]
