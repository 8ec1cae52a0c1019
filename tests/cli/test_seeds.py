"""`train --seeds`: a folder each, and one table."""

import math

import numpy as np
import pytest
from tiny_runs import read, shorten

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
