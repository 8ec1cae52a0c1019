"""What is kept of a run is what its folder says, and nothing of where it was."""

import json
import os

import pytest

from experiments import keep

SCORES = {
    "elbo": {"elbo": -22.848, "elbo_standard_error": 0.232, "distortion": 16.0, "rate": 6.8},
    "log_likelihood": {
        "value": -22.195,
        "standard_error_over_images": 0.198,
        "importance_samples": 5000,
        "mean_monte_carlo_standard_error": 0.02,
        "median_effective_sample_size": 900.0,
    },
}


def folder_of(path, config, scores=SCORES, **options):
    about = {"versions": {"jax": "0"}, "commit": "a", "device": "cpu:0", "training": {"clip": None}}
    path.mkdir()
    written = {
        "config": config,
        "options": {"epochs": 3, **options},
        "example": {"x": {}},
        "stored": {},
        "found": {},
        "package": {"distribution": "vae_jax", "version": "0"},
        **about,
    }
    (path / "config.json").write_text(json.dumps(written))
    (path / "evaluation.json").write_text(json.dumps(scores))
    for name, time in (("config.json", 1000), ("evaluation.json", 1090)):
        os.utime(path / name, (time, time))
    return path


def test_a_run_is_kept_once_for_each_config(tmp_path, capsys):
    out, first = tmp_path / "kept.json", folder_of(tmp_path / "first", "mnist_vae", raw="/secret")
    keep.main((folder_of(tmp_path / "digits", "digits"), first), out)
    keep.main((folder_of(tmp_path / "again", "mnist_vae", raw=None),), out)
    digits, mnist = keep.load(out)
    assert digits["command"] == "python -m experiments.train digits --epochs 3"
    assert digits["seconds"] == 90
    assert mnist["command"] == "python -m experiments.train mnist_vae --raw FOLDER --epochs 3"
    assert digits["scores"] == SCORES
    assert mnist["options"] == {"epochs": 3}
    assert "secret" not in out.read_text()
    assert capsys.readouterr().out == "2 min | 22.85 ± 0.23 | 22.20 ± 0.20 (5,000)\n" * 3


def test_a_command_says_what_is_not_the_configs_own():
    choices = {
        "objective": "iwae",
        "hidden": [9, 8],
        "straight_through": True,
        "activation": "relu",
    }
    options = {"epochs": 600, "latents": 3, "choices": choices}
    training = {"clip": 5.0, "importance_samples": 9, "keep": 3, "pictures": False}
    config = {"config": "digits", "options": options, "training": training}
    own = "--latents 3 --objective iwae --hidden 9 8 --straight-through --clip 5.0"
    own = f"{own} --importance-samples 9"
    assert keep.command(config) == f"python -m experiments.train digits {own}"
    assert keep.command({**config, "config": "own"}) == "python -m experiments.train own"


def test_a_run_that_went_on_elsewhere_is_not_kept(tmp_path):
    folder = folder_of(tmp_path / "run", "digits")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "resumed": [{"after": 1, "devices": {}, "versions": {}}]})
    )
    with pytest.raises(ValueError, match="went on on another machine, and its time is not known"):
        keep.main((folder,), tmp_path / "kept.json")


def test_a_row_has_what_the_scores_have():
    elbo = {**SCORES["elbo"], "rate": 6.75}
    units = {"number": 2, "latents": 8}
    scores = {**SCORES, "elbo": elbo, "active_units": units, "bits_per_dim": 1.234}
    run = {"command": "python -m experiments.train digits", "seconds": 90, "scores": scores}
    values = "2 min | 22.85 ± 0.23 | 22.20 ± 0.20 (5,000) | 6.8 | 1.23 | 2 of 8"
    assert keep.table_of([run]).splitlines()[-1] == f"| `digits` | {values} |"


def test_large_numbers_have_fewer_digits(tmp_path):
    scores = {
        "elbo": {"elbo": 664.42, "elbo_standard_error": 2.91},
        "log_likelihood": {
            "value": 682.31,
            "standard_error_over_images": 2.88,
            "importance_samples": 20,
        },
    }
    run = keep.read(folder_of(tmp_path / "run", "fashion_conv", scores))
    assert keep.line(run) == "2 min | -664.4 ± 2.9 | -682.3 ± 2.9 (20)"
