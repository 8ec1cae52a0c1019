"""`train --like RUN`: the options of a run, but for those that are given."""

import json

import pytest
from tiny_runs import copy, edit, read, shorten, timeless

from vae_jax import runs
from vae_jax.cli.train import main
from vae_jax.configs.options import to_json
from vae_jax.runs import Training


@pytest.fixture
def asked(monkeypatch):
    """What a run would have been started with."""
    given = []

    def start(name, options, training, out, watch, configs):
        given.append((name, options, training))
        raise ValueError("enough")

    monkeypatch.setattr(runs, "start", start)
    return given


def test_a_run_repeated_is_the_same(digits, tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    assert main(["--like", str(digits.folder), "--out", str(tmp_path / "run")]) == 0
    assert timeless(tmp_path / "run") == timeless(digits.folder)
    config = read(tmp_path / "run", "config.json")
    for name in ("config", "options", "training", "found"):
        assert config[name] == digits.config[name]


def test_what_is_given_takes_the_place_of_what_was(digits, tmp_path, asked):
    edited = copy(digits.folder, tmp_path / "run")
    edit(edited, training={**digits.config["training"], "clip": 5.0, "warmup": 3})
    assert main(["--like", str(edited), "--latents", "7", "--warmup=9"]) == 1
    name, options, training = asked[0]
    options = json.loads(json.dumps(to_json(options)))
    assert (name, options) == ("digits", {**digits.config["options"], "latents": 7})
    assert training == Training(evaluate_every=1, clip=5.0, warmup=9)


def test_what_was_read_from_the_data_is_read_again(text, pictures, tmp_path, asked):
    (tmp_path / "other.txt").write_text("abc" * 50)
    for run, name in ((text, "vocabulary"), (pictures, "shape")):
        assert run.config["found"][name] is not None
        main([f"--like={run.folder}", "--data", str(tmp_path / "other.txt")])
        options = asked.pop()[1]
        assert options[name] is None
        assert str(options["data"]) == str(tmp_path / "other.txt")
    main(["--like", str(pictures.folder)])
    assert asked[-1][1]["choices"].channels == (2,)
    assert asked[-1][1]["data"] == pictures.config["options"]["data"]


def test_help_shows_the_run_s_options(digits, capsys):
    with pytest.raises(SystemExit):
        main(["--like", str(digits.folder), "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.startswith(f"usage: vae_jax train --like {digits.folder} ")
    assert "Dimensions of z. (default: 3)" in shown


def test_what_cannot_be_repeated(tmp_path, capsys):
    assert main(["--like", str(tmp_path)]) == 1
    assert "is no run folder" in capsys.readouterr().err
