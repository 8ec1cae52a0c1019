"""`fit_seeds`: several runs at once, each as it would be alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small import DATA, HELD_OUT, MODEL, PREPARE, STEP, STEPS, B, after, timeless

from vae_jax import NotFiniteError, fit
from vae_jax.checkpoint import Checkpoints
from vae_jax.data import open_array
from vae_jax.train import Step, fit_seeds

KEYS = list(jax.random.split(jax.random.key(5), 3))
OPTIONS = {"epochs": 4, "batch_size": B, "prepare": PREPARE, "held_out": HELD_OUT}


def together(step=STEP, **options):
    return fit_seeds(MODEL, step, DATA, **{"keys": KEYS, **OPTIONS, **options})


def alone(key, step=STEP, **options):
    return fit(MODEL, step, DATA, key=key, **{**OPTIONS, **options})


def assert_close(one, other):
    """To a hundred float32 roundings."""
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        if not jnp.issubdtype(jnp.asarray(a).dtype, jax.dtypes.prng_key):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def assert_same_run(member, solo):
    assert member.ended == solo.ended
    assert member.progress[:2] == solo.progress[:2]
    assert member.progress.since_best == solo.progress.since_best
    assert_close(member.params, solo.params)
    assert_close(member.state, solo.state)
    assert member.state.key == solo.state.key
    assert_close(timeless_numbers(member.rows), timeless_numbers(solo.rows))


def timeless_numbers(rows):
    return [{n: v for n, v in row.items() if n != "data"} for row in timeless(rows)]


@pytest.mark.parametrize("name", STEPS)
def test_each_is_the_run_alone(name):
    found = together(STEPS[name])
    for key, member in zip(KEYS, found, strict=True):
        assert_same_run(member, alone(key, STEPS[name]))
    first, second, _ = (member.rows[1]["elbo"] for member in found)
    assert first != second


def test_each_stops_when_its_own_patience_ends():
    keys, how = jax.random.split(jax.random.key(11), 6), {"epochs": 12, "patience": 1}
    found = together(keys=keys, **how)
    assert len({member.progress.epoch for member in found}) > 1
    for key, member in zip(keys, found, strict=True):
        assert_same_run(member, alone(key, **how))


def test_one_fails_and_the_others_go_on():
    _, bad = jax.random.split(KEYS[1])

    def update(state, batch):
        state, metrics = STEP.update(state, batch)
        same = jnp.all(jax.random.key_data(state.key) == jax.random.key_data(bad))
        loss = jnp.where(same & (state.step == 6), jnp.nan, metrics["loss"])
        return state, {**metrics, "loss": loss}

    step = Step(STEP.init, update)
    first, failed, last = together(step)
    assert isinstance(failed, NotFiniteError)
    assert failed.step == 5
    with pytest.raises(NotFiniteError) as own:
        alone(KEYS[1], step)
    assert (failed.examples, failed.before) == (own.value.examples, own.value.before)
    for key, member in ((KEYS[0], first), (KEYS[2], last)):
        assert_same_run(member, alone(key))


def test_folders_are_those_of_single_runs(tmp_path):
    folders = [tmp_path / str(s) for s in range(3)]
    seen = []
    rows = lambda s, row, params: seen.append((s, row["data"], row["epoch"]))  # noqa: E731
    interrupted = together(folders=folders, stop=after(2), report=rows)
    assert {(member.ended, member.progress.epoch) for member in interrupted} == {("interrupted", 2)}
    assert seen[:4] == [(0, "train", 1), (0, "held_out", 1), (1, "train", 1), (1, "held_out", 1)]
    with pytest.raises(FileExistsError, match="pass resume=True to go on"):
        together(folders=folders)
    own = alone(KEYS[1], folder=folders[1], resume=True)  # which is ahead of the others now
    assert_same_run(own._replace(rows=[]), alone(KEYS[1])._replace(rows=[]))
    resumed = together(folders=folders, resume=True)
    assert resumed[1].rows == []
    for key, member, folder in zip(KEYS, resumed, folders, strict=True):
        assert_same_run(member._replace(rows=[]), alone(key)._replace(rows=[]))
        with Checkpoints(folder, write=False) as checkpoints:
            assert_close(checkpoints.load_params(member.progress.best_epoch), member.params)


def test_what_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", DATA["x"])
    source = open_array(tmp_path / "x.npy")
    with pytest.raises(TypeError, match="on data in memory: train them one by one"):
        fit_seeds(MODEL, STEP, source, keys=KEYS, **OPTIONS)
    for keys, folders in ((KEYS, [tmp_path]), ([], None)):
        with pytest.raises(ValueError, match="give one for each key"):
            together(keys=keys, folders=folders)
    with pytest.raises(ValueError, match="patience needs held_out data"):
        together(patience=1, held_out=None)
    with pytest.raises(TypeError, match="epoch"):
        together(epoch=3)
