"""Runs that were made longer: the schedule, the bits, and numbers that are of an earlier epoch."""

import re

import numpy as np
import pytest
from bits import assert_same_bits
from tiny_runs import copy, read, resume, rows, shorten, timeless, train

from vae_jax import runs
from vae_jax.cli import compare
from vae_jax.configs import CONFIGS
from vae_jax.runs import Watch, load_run
from vae_jax.runs.circumstances import resumed
from vae_jax.runs.stretches import extended, stretches_of

OPTIONS = {"epochs": 2, "hidden": 8, "latents": 2, "batch_size": 479, "evaluate_every": 1}
STEPS = 3  # an epoch


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shorten(monkeypatch, pictures=False)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, pictures=False)
        return train(tmp_path_factory.mktemp("short") / "run", "digits", **OPTIONS)


@pytest.fixture
def done(short, tmp_path):
    """A run of two epochs that may be made longer."""
    return copy(short, tmp_path / "run")


def rates(folder):
    """Of the last step of each epoch."""
    return [row["learning_rate"] for row in rows(folder) if row["data"] == "train"]


def interrupt(folder, **options):
    """A run that is told to stop after one epoch more."""
    ended = runs.resume(folder, watch=Watch(stop=lambda: True), **options)
    assert (ended.ended, ended.scores) == ("interrupted", None)


def test_the_rate_falls_from_where_it_began_over_the_epochs_that_are_left(done):
    before = rates(done)
    assert resume(done, "--epochs", "4") == 0
    fall = 0.5 * (1 + np.cos(np.pi * np.array([STEPS - 1, 2 * STEPS - 1]) / (2 * STEPS)))
    np.testing.assert_allclose(rates(done), [*before, *(0.002 * fall)], rtol=1e-5)
    config, status = read(done, "config.json"), read(done, "status.json")
    assert config["options"]["epochs"] == 2
    assert config["extensions"] == [{"after": 2, "epochs": 4, "learning_rate": 0.002}]
    assert (status["state"], status["epoch"], status["epochs"]) == ("finished", 4, 4)
    assert read(done, "evaluation.json")["epoch"] == 4
    assert load_run(done).experiment.trained.epochs == 4


def test_another_rate_is_given_and_kept_for_the_time_after(done):
    assert resume(done, "--epochs", "3", "--learning-rate", "0.01") == 0
    assert resume(done, "--epochs", "4") == 0
    at_last = 0.01 * 0.5 * (1 + np.cos(np.pi * (STEPS - 1) / STEPS))
    np.testing.assert_allclose(rates(done)[2:], [at_last, at_last], rtol=1e-5)
    assert [more["after"] for more in read(done, "config.json")["extensions"]] == [2, 3]


def test_an_extension_that_was_interrupted_ends_with_the_same_bits(done, tmp_path):
    twin = copy(done, tmp_path / "twin")
    interrupt(done, epochs=4, learning_rate=0.01)
    assert read(done, "status.json")["state"] == "interrupted"
    assert resume(done) == 0
    assert resume(twin, "--epochs", "4", "--learning-rate", "0.01") == 0
    assert timeless(done) == timeless(twin)
    assert_same_bits(load_run(done).params, load_run(twin).params)
    assert read(done, "evaluation.json")["elbo"] == read(twin, "evaluation.json")["elbo"]


def test_scores_of_an_earlier_epoch_say_so(done, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compare.console, "_width", 300)
    said = "poch 2; the run is at epoch 3 now"
    assert said not in (done / "report.html").read_text()
    interrupt(done, epochs=4)
    assert said in (done / "report.html").read_text()
    assert compare.main([str(done), str(done), "--out", str(tmp_path / "c.png")]) == 0
    shown = capsys.readouterr().out
    assert shown.count(said) == 2
    assert resume(done) == 0
    shown = capsys.readouterr().out
    assert "test examples, epoch 4" in shown
    assert "epoch 4;" not in shown
    report = (done / "report.html").read_text()
    assert re.search(r"<caption>[^<]*epoch 4</caption>", report)


def test_a_run_killed_after_its_last_checkpoint_is_scored_anew(done):
    """Nothing but that checkpoint tells of the extension."""
    status, evaluation = read(done, "status.json"), read(done, "evaluation.json")
    assert resume(done, "--epochs", "3") == 0
    scored = read(done, "evaluation.json")
    for name, content in {"status": status, "evaluation": evaluation}.items():
        runs.folder.write_json(done / f"{name}.json", content)
    assert resume(done) == 0
    assert read(done, "evaluation.json")["elbo"] == scored["elbo"] != evaluation["elbo"]


def test_patience_begins_anew(tmp_path):
    options = {"hold_out": 200, "patience": 1, "learning_rate": 0.2, "batch_size": 50}
    folder = train(tmp_path / "run", "digits", **{**OPTIONS, **options, "epochs": 30})
    stopped = read(folder, "status.json")
    assert stopped["state"] == "stopped early"
    assert resume(folder) == 0
    assert read(folder, "status.json") == stopped
    assert resume(folder, "--epochs", "30") == 0
    assert read(folder, "status.json")["epoch"] > stopped["epoch"]


def test_what_makes_no_run_longer(done, capsys):
    before = read(done, "config.json")
    for options, message in (
        (["--epochs", "2"], "done 2 epochs already, of 2 asked for: --epochs <a number above 2>"),
        (["--learning-rate", "0.1"], "is that of more epochs: give --epochs <a number> as well"),
        (["--epochs", "3", "--learning-rate", "0"], "learning_rate must be above 0, and finite"),
    ):
        assert resume(done, *options) == 1
        assert message in capsys.readouterr().err
    assert read(done, "config.json") == before


def test_other_circumstances_are_noted_once():
    """After how many epochs; where nothing was trained there, they give way."""
    here, there = ({"devices": {"hosts": n}, "versions": {"jax": "0.9"}} for n in (1, 2))
    first = {"config": "digits", **here}
    elsewhere = resumed(first, 2, there)
    assert resumed(first, 2, here) == first
    assert elsewhere == {**first, "resumed": [{"after": 2, **there}]}
    assert resumed(elsewhere, 3, there) == elsewhere
    assert resumed(elsewhere, 2, here) == first
    assert [one["after"] for one in resumed(elsewhere, 4, here)["resumed"]] == [2, 4]


def test_extensions_that_are_damaged():
    with pytest.raises(ValueError, match=r"config\.json is damaged: its extensions are"):
        stretches_of({"extensions": [{"after": 2}]}, CONFIGS["digits"]())


def test_an_extension_that_was_not_begun_gives_way():
    digits = CONFIGS["digits"](learning_rate=0.5)
    once = extended({}, digits, 2, 9, 0.1)
    assert extended(once, digits, 2, 8, None)["extensions"] == [
        {"after": 2, "epochs": 8, "learning_rate": 0.5}
    ]
    assert [more["after"] for more in extended(once, digits, 3, 8, None)["extensions"]] == [2, 3]
