"""`load_run`: a folder, back as a model, wherever it is and whoever made it."""

import json
import os
import shutil

import jax
import numpy as np
import pytest
from bits import assert_same_bits
from tiny_runs import bytes_of, copy, edit, no_data, noise, read, resume, shorten, train

from vae_jax import data, evaluate, generate
from vae_jax.runs import load_run
from vae_jax.runs import resume as go_on
from vae_jax.runs.load import example_of, shapes_of
from vae_jax.runs.lock import locked


@pytest.fixture
def spoilt(digits, tmp_path):
    return copy(digits, tmp_path / "copy")


def first(run):
    return generate.sample(run.model, run.params, jax.random.key(0), 3)


def test_a_finished_run(digits):
    run = load_run(str(digits))
    assert (run.folder, run.epoch, run.config["config"]) == (digits, 4, "digits")
    assert run.experiment.trained.epochs == 4
    # the last evaluation is made of the same parameters
    elbo = evaluate.elbos(
        run.model, run.params, jax.random.key(5), run.experiment.examples.load().test
    )
    scored = read(digits, "evaluation.json")["elbo"]
    error = 3 * scored["elbo_standard_error"]
    np.testing.assert_allclose(elbo.value.mean(), scored["elbo"], atol=error)


def test_a_run_that_goes_on(spoilt):
    """Only checkpoints, and a process that trains."""
    for name in ("evaluation.json", "status.json", "report.html"):
        (spoilt / name).unlink()
    shutil.rmtree(spoilt / "checkpoints" / "4")
    writing = spoilt / "checkpoints" / "4.orbax-checkpoint-tmp"
    writing.mkdir()
    with locked(spoilt):
        assert load_run(spoilt).epoch == 2
    assert writing.exists()  # the process that writes it needs it


def test_a_run_that_has_just_begun(spoilt):
    for path in (spoilt / "checkpoints").iterdir():
        shutil.rmtree(path)
    with pytest.raises(FileNotFoundError, match="has no checkpoint: its training has just begun"):
        load_run(spoilt)
    (spoilt / "checkpoints").rmdir()
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_run(spoilt)


def test_an_epoch_can_be_named(digits, chosen):
    assert load_run(digits, epoch=2).epoch == 2
    assert not np.array_equal(first(load_run(digits, epoch=2)), first(load_run(digits)))
    with pytest.raises(
        FileNotFoundError, match=r"There is no checkpoint at .*77; there are \[2, 4"
    ):
        load_run(digits, epoch=77)
    best = read(chosen, "status.json")["best_epoch"]
    last = read(chosen, "status.json")["epoch"]
    assert load_run(chosen).epoch == best
    assert load_run(chosen, epoch=last).epoch == last


def test_no_data_are_needed(digits, monkeypatch):
    expected = first(load_run(digits))
    monkeypatch.setattr(data, "load", no_data)
    run = load_run(digits)
    np.testing.assert_array_equal(first(run), expected)
    with pytest.raises(AssertionError, match="data were read"):
        run.experiment.examples.load()


def test_a_folder_can_be_moved(digits, tmp_path, monkeypatch):
    copy(digits, tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert_same_bits(load_run("elsewhere").params, load_run(digits).params)


def test_the_mean_of_mnist_is_not_needed_to_load(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    monkeypatch.setattr(data, "load", noise)
    folder = train(tmp_path / "run", "mnist_vae", epochs=1)
    expected = first(load_run(folder))
    monkeypatch.setattr(data, "load", no_data)
    np.testing.assert_array_equal(first(load_run(folder)), expected)


def test_data_that_have_moved(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    before, after = tmp_path / "a.npz", tmp_path / "elsewhere" / "b.npz"
    np.savez(before, x=bytes_of(40))
    small = {"channels": 2, "latents": 2, "epochs": 2, "batch_size": 18}
    folder = train(tmp_path / "run", "images", data=before, **small)
    expected = load_run(folder).experiment.examples.load().test["x"]
    after.parent.mkdir()
    before.rename(after)
    run = load_run(folder)  # without data
    with pytest.raises(
        FileNotFoundError, match=r"are not where they were: pass data=<their place>"
    ):
        run.experiment.examples.load()
    moved = load_run(folder, data=str(after)).experiment.examples.load()
    np.testing.assert_array_equal(moved.test["x"], expected)
    assert go_on(folder, str(after)).ended == "finished"
    assert read(folder, "config.json")["options"]["data"] == str(before)


def test_options_that_were_not_given_can_name_data(tmp_path, monkeypatch):
    """A run that was started from Python records only what it was given."""
    from vae_jax.runs.load import build

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))  # where nothing is prepared
    package = {"distribution": "vae_jax", "version": None}
    config = {"config": "mnist_vae", "package": package, "options": {}, "found": {}}
    with pytest.raises(FileNotFoundError, match=r"pass data=<their place>\. \(mnist is not on"):
        build(config, "/absent").examples.load()


def test_data_of_their_own(digits):
    with pytest.raises(ValueError, match="The config digits brings its own data: leave --data out"):
        load_run(digits, data="elsewhere")


def test_no_run_folder(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"is no run folder: there is no config\.json in it"
    ):
        load_run(tmp_path)


@pytest.mark.parametrize("name", ["os.system", "__import__", "main"])
def test_nothing_is_executed(name, spoilt, monkeypatch):
    monkeypatch.setattr(os, "system", no_data)
    edit(spoilt, config=name, options={"command": "true"})
    message = rf"The run is of the config '{name}' of vae_jax [0-9.]+, which is not installed here"
    for use in (load_run, go_on):
        with pytest.raises(ValueError, match=message):
            use(spoilt)


def test_options_of_another_version(spoilt):
    edit(spoilt, options={"epochs": 4, "choices": {"breadth": 3}})
    with pytest.raises(ValueError, match="options breadth are not among those that Choices has"):
        load_run(spoilt)
    edit(spoilt, options={"epochs": 4, "breadth": 3})
    with pytest.raises(ValueError, match="options breadth are not among those that digits has"):
        load_run(spoilt)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": "four"}, "option epochs must be int; got 'four'"),
        ({"seed": 1e30}, r"option seed must be int; got 1e\+30"),
        ({"epochs": 10**30}, "epochs must be below 2,147,483,648"),
        ({"seed": 2**32}, r"seed must be in 0 \.\. 4,294,967,295; got"),
        ({"choices": {"hidden": 3}}, r"option hidden must be tuple\[int, \.\.\.\]; got 3"),
    ],
)
def test_options_of_a_wrong_kind(options, message, spoilt):
    edit(spoilt, options={**read(spoilt, "config.json")["options"], **options})
    with pytest.raises(ValueError, match=message):
        go_on(spoilt)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"haste": 3}, "training has no option haste; it has evaluate_every, hold_out"),
        ({"metric": "accuracy"}, "option metric must be Literal.*got 'accuracy'"),
        ({"schedule": None}, "option schedule must be Literal.*got None"),
        ({"keep": "all"}, "option keep must be int; got 'all'"),
        ({"clip": -1}, "clip must be above 0; got -1"),
        ({"warmup": 10**9}, "warmup must be in 0"),
    ],
)
def test_what_start_refuses_resume_refuses(training, message, spoilt):
    edit(spoilt, training={**read(spoilt, "config.json")["training"], **training})
    with pytest.raises(ValueError, match=message):
        go_on(spoilt, epochs=9)
    assert "extensions" not in read(spoilt, "config.json")


@pytest.mark.parametrize(
    "form", [[3], {"shape": [8.5], "dtype": "float32"}, {"dtype": "none"}, "x"]
)
def test_a_form_that_is_none(form, spoilt):
    edit(spoilt, example={"x": form})
    with pytest.raises(ValueError, match=r"config\.json is damaged: .* is no form of an"):
        load_run(spoilt)


@pytest.mark.parametrize("changed", ["hidden", "latents"])
def test_another_architecture(changed, spoilt):
    options = read(spoilt, "config.json")["options"]
    if changed == "hidden":
        options["choices"]["hidden"] = [16]
    else:
        options["latents"] = 2
    edit(spoilt, options=options)
    message = r"checkpoints/4 is of another architecture than config\.json says .*Restore the conf"
    with pytest.raises(ValueError, match=message):
        load_run(spoilt)
    with pytest.raises(ValueError, match="architecture"):
        go_on(spoilt)


def test_a_finished_run_is_not_scored_again(spoilt, capsys, monkeypatch):
    before = read(spoilt, "evaluation.json")
    metrics = (spoilt / "metrics.jsonl").read_bytes()
    monkeypatch.setattr("vae_jax.runs.work.score", no_data)
    assert resume(spoilt) == 0
    assert read(spoilt, "evaluation.json") == before
    assert (spoilt / "metrics.jsonl").read_bytes() == metrics
    assert "360 test examples" in capsys.readouterr().out


def test_a_run_killed_while_it_was_scored_is_scored(spoilt, monkeypatch):
    shorten(monkeypatch)
    before = read(spoilt, "evaluation.json")["elbo"]
    (spoilt / "evaluation.json").unlink()

    assert resume(spoilt) == 0
    assert read(spoilt, "evaluation.json")["elbo"] == before
    assert read(spoilt, "status.json")["state"] == "finished"


def test_a_tree_of_arrays_is_described_and_read_back():
    """Tuples and dicts, a dict of which has the names of an array's own form among them."""
    x = ({"shape": np.zeros((2, 3)), "dtype": np.zeros((2,), np.int32)}, np.zeros((2, 1, 4)))
    form = json.loads(json.dumps(example_of({"x": x})))
    one = shapes_of(form)["x"]
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), one) == (
        {"shape": ((3,), np.float64), "dtype": ((), np.int32)},
        ((1, 4), np.float64),
    )
