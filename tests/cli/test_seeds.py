"""`train --seeds`: a folder each, and one table."""

import math

import numpy as np
import pytest
from tiny_runs import read, shorten, timeless

from vae_jax import load_run
from vae_jax.cli.signals import Signals
from vae_jax.cli.train import main
from vae_jax.runs.seeds import place_of, seeds_of, together

GIVEN = ["digits", "--epochs=1", "--hidden=4", "--latents=2", "--batch-size=479"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shorten(monkeypatch, pictures=False)


def test_one_number_is_how_many_and_several_are_the_seeds():
    assert seeds_of((3,)) == [0, 1, 2]
    assert seeds_of((3, 0)) == [3, 0]
    for given, message in (
        ((1,), r"seeds=<3> is how many, two at least; one seed is seed=<1>"),
        ((4, 4), r"Seeds are different numbers, 0 .. 4,294,967,295; got \[4, 4\]"),
        ((-1, 4), r"Seeds are different numbers, 0 "),
    ):
        with pytest.raises(ValueError, match=message):
            seeds_of(given)


def test_a_mean_and_a_deviation_of_every_number_that_all_have():
    scores = {
        5: {"elbo": {"rate": 1.0, "only": 3.0}, "note": "a"},
        7: {"elbo": {"rate": 4.0}, "note": "b"},
    }
    found = together(scores)
    assert found["seeds"] == [5, 7]
    assert set(found["scores"]) == {"elbo.rate"}
    rate = found["scores"]["elbo.rate"]
    assert (rate["mean"], rate["values"]) == (2.5, [1.0, 4.0])
    np.testing.assert_allclose(rate["standard_deviation"], 3 / math.sqrt(2))


def test_runs_one_after_another_and_what_a_second_call_adds(tmp_path, capsys):
    out = tmp_path / "both"
    assert main([*GIVEN, "--seeds", "4", "2", "--out", str(out)]) == 0
    configs = [read(out / f"seed-{seed}", "config.json") for seed in (4, 2)]
    assert [config["options"]["seed"] for config in configs] == [4, 2]
    rates = [read(out / f"seed-{s}", "evaluation.json")["elbo"]["rate"] for s in (4, 2)]
    assert rates[0] != rates[1]
    found = read(out, "seeds.json")
    assert found["seeds"] == [4, 2]
    assert found["scores"]["elbo.rate"]["values"] == rates
    shown = capsys.readouterr().out
    assert "standard deviation" in shown
    assert str(out / "seeds.json") in shown
    before = (out / "seed-4" / "config.json").stat().st_mtime_ns
    assert main([*GIVEN, "--seeds", "4", "9", "--out", str(out)]) == 0
    assert (out / "seed-4" / "config.json").stat().st_mtime_ns == before
    assert read(out, "seeds.json")["scores"]["elbo.rate"]["values"][0] == rates[0]
    assert main([*GIVEN, "--latents=3", "--seeds", "4", "9", "--out", str(out)]) == 1
    assert "holds a run of other options: name another folder" in capsys.readouterr().err


def test_what_makes_no_runs_leaves_nothing(tmp_path, capsys):
    out = tmp_path / "none"
    assert main([*GIVEN, "--seed", "1", "--seeds", "3"]) == 2
    assert "--seed is one seed, --seeds are several" in capsys.readouterr().err
    assert main([*GIVEN, "--seeds", "1", "--out", str(out)]) == 1
    assert "--seeds <3> is how many" in capsys.readouterr().err
    assert main([*GIVEN, "--patience", "1", "--seeds", "2", "--out", str(out)]) == 1
    assert list(tmp_path.iterdir()) == []


def test_folders_of_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place_of("digits", None).mkdir(parents=True)
    assert str(place_of("digits", None)) == "runs/digits-seeds-2"


AT_ONCE = [*GIVEN, "--epochs=3", "--evaluate-every=1", "--hold-out=100", "--patience=1"]


def test_at_once_each_is_a_run_of_its_own(tmp_path, capsys):
    once, turns = tmp_path / "once", tmp_path / "turns"
    assert main([*AT_ONCE, "--seeds", "4", "2", "--at-once", "--out", str(once)]) == 0
    shown = capsys.readouterr().out
    assert "seed 4, epoch 1: elbo " in shown
    assert "seed 2, epoch 1: elbo " in shown
    assert main([*AT_ONCE, "--seeds", "4", "2", "--out", str(turns)]) == 0
    for seed in ("seed-4", "seed-2"):
        (config, own), (scores, alone) = (
            [read(place / seed, name) for place in (once, turns)]
            for name in ("config.json", "evaluation.json")
        )
        assert {**config, "options": 0} == {**own, "options": 0}
        assert config["options"] == own["options"]
        assert scores["epoch"] == alone["epoch"]
        np.testing.assert_allclose(scores["elbo"]["elbo"], alone["elbo"]["elbo"], rtol=1e-4)
        for one, other in zip(timeless(once / seed), timeless(turns / seed), strict=True):
            assert one.keys() == other.keys()
            numbers = [[row[n] for n in row if n != "data"] for row in (one, other)]
            np.testing.assert_allclose(*numbers, rtol=1e-4)
        assert (once / seed / "report.html").exists()
        model, params, *_ = load_run(once / seed)
        assert model.decode(params, np.zeros(2, np.float32)).logits.shape == (8, 8, 1)
    assert read(once, "seeds.json")["seeds"] == [4, 2]
    assert main(["--resume", str(once / "seed-4"), "--epochs", "5"]) == 0
    capsys.readouterr()
    assert main([*AT_ONCE, "--seeds", "4", "2", "--at-once", "--out", str(once)]) == 1
    assert "seed-4 was made longer: go on with it alone, --resume" in capsys.readouterr().err


def test_at_once_interrupted_failed_and_gone_on_with(tmp_path, capsys, monkeypatch):
    out, given = tmp_path / "out", [*GIVEN, "--epochs=2", "--evaluate-every=1"]
    command = [*given, "--seeds", "3", "--at-once", "--out", str(out)]
    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(Signals, "received", lambda self: asked.append(1) or True)
        patch.setattr(Signals, "status", 75)
        assert main(command) == 75
    assert len(asked) == 1  # of all together
    assert [read(out / f"seed-{s}", "status.json")["epoch"] for s in range(3)] == [1, 1, 1]
    assert "The same command with --out" in capsys.readouterr().out
    assert main(command) == 0
    assert read(out, "seeds.json")["seeds"] == [0, 1, 2]
    before = (out / "seed-1" / "evaluation.json").stat().st_mtime_ns
    assert main([*given, "--seeds", "1", "7", "--at-once", "--out", str(out)]) == 0
    assert (out / "seed-1" / "evaluation.json").stat().st_mtime_ns == before
    bad = [*given, "--learning-rate=1e30", "--seeds", "2", "--at-once", "--out"]
    assert main([*bad, str(tmp_path / "bad")]) == 1
    said = capsys.readouterr().err
    assert "error: seed 0: The numbers of step" in said
    assert "error: seed 1: The numbers of step" in said
    assert read(tmp_path / "bad/seed-1", "status.json")["state"] == "failed"


def test_at_once_is_of_several_seeds(tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*GIVEN, "--at-once", "--out", str(out)]) == 1
    assert "--at-once is of several seeds: --seeds <3>" in capsys.readouterr().err
    impatient = ["--patience=1", "--seeds", "2", "--at-once", "--out", str(out)]
    assert main([*GIVEN, *impatient]) == 1
    assert list(tmp_path.iterdir()) == []
