"""A prior fitted after training, by the command: a run folder of its own, read back by its name."""

import jax
import numpy as np
import pytest
from tiny_runs import few_digits, read, resume, shorten, train

from vae_jax import Mixture, evaluate, sampled_rate
from vae_jax.cli import compare, prior, sample
from vae_jax.distributions import Coded, Flowed, Layered
from vae_jax.runs import load_run
from vae_jax.samplers import Nearest

SHORT = ["--no-pictures", "--importance-samples", "4"]
KINDS = {
    "gaussian_mixture": (["--components", "2"], Mixture),
    "maf": (["--epochs", "1", "--layers", "1", "--width", "4"], Flowed),
    "two_stage": (["--epochs", "1", "--width", "4"], Layered),
    "nearest": ([], Nearest),
}

NOTES = {  # of what is no plain density
    "nearest": "It has no density, so there is no bound",
    "two_stage": "log p(z) is known by its bound alone",
}


@pytest.mark.parametrize("fit", KINDS)
def test_a_run_with_another_prior(fit, digits, tmp_path, capsys, monkeypatch):
    options, kind = KINDS[fit]
    out = tmp_path / "fitted"
    given = [str(digits.folder), "--fit", fit, *options, *SHORT, "--out", str(out)]
    assert prior.main(given) == 0
    said = capsys.readouterr().out
    assert "whose own had -ELBO" in said.replace("\n", " ")
    found = load_run(out)
    assert isinstance(found.model.prior(found.params), kind)
    for group in ("encoder", "decoder"):
        jax.tree.map(np.testing.assert_array_equal, found.params[group], digits.params[group])
    scores, before = read(out, "evaluation.json"), read(digits.folder, "evaluation.json")
    assert scores["before"] == before
    test = found.experiment.examples.load().test
    if fit == "nearest":
        assert "elbo" not in scores
        assert found.experiment.views.rate is None
    else:
        assert np.isfinite(scores["log_likelihood"]["value"])
        assert scores["elbo"]["rate"] != before["elbo"]["rate"]
        few = {"x": test["x"][:20]}
        bound = evaluate.elbos(found.model, found.params, jax.random.key(0), few, rate=sampled_rate)
        assert np.all(np.isfinite(bound.value))
    drawn = tmp_path / "drawn.png"
    assert sample.main([str(out), "--number", "4", "--out", str(drawn)]) == 0
    assert np.load(drawn.with_suffix(".npz"))["x"].shape == (4, 8, 8, 1)
    monkeypatch.chdir(tmp_path)
    assert compare.main([str(digits.folder), str(out)]) == 0
    assert "fitted prior" in capsys.readouterr().out
    report = (out / "report.html").read_text(encoding="utf-8")
    assert fit in report
    for other, note in NOTES.items():
        assert (note in said.replace("\n", " ")) == (note in report) == (fit == other)


def test_what_is_no_option_and_what_cannot_go_on(digits, tmp_path, capsys):
    out = tmp_path / "fitted"
    given = [str(digits.folder), "--fit", "nearest", "--components", "3", *SHORT]
    assert prior.main([*given, "--out", str(out)]) == 1
    assert "components is no option of fit='nearest'" in capsys.readouterr().err
    assert not out.exists()
    given = [str(digits.folder), "--fit", "nearest", *SHORT, "--out", str(out)]
    assert prior.main(given) == 0
    assert resume(out, "--epochs", "9") == 1
    assert "was fitted after training, which cannot go on" in capsys.readouterr().err


def test_of_a_point_there_is_no_bound_under_any_prior(tmp_path, monkeypatch, capsys):
    shorten(monkeypatch, pictures=False)
    few_digits(monkeypatch)
    given = {"epochs": 1, "hidden": 8, "latents": 3, "no_pictures": True}
    run = train(tmp_path / "run", "digits", posterior="point", **given)
    out = tmp_path / "fitted"
    assert prior.main([str(run), "--fit", "gaussian_mixture", *SHORT, "--out", str(out)]) == 0
    assert load_run(out).experiment.views.rate is None
    scores = read(out, "evaluation.json")
    assert "distortion" in scores
    assert not {"elbo", "log_likelihood", "mutual_information"} & set(scores)
    on_a_sphere = {**given, "posterior": "power_spherical", "prior": "sphere", "no_score": True}
    run = train(tmp_path / "sphere", "digits", **on_a_sphere)
    capsys.readouterr()
    again = ["--fit", "gaussian_mixture", *SHORT, "--out", str(tmp_path / "none")]
    assert prior.main([str(run), *again]) == 1
    assert "is not one of the latents of this run" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_codes_have_a_prior_of_their_indices(digits, tmp_path, monkeypatch, capsys):
    shorten(monkeypatch, pictures=False)
    few_digits(monkeypatch)
    options = {"epochs": 1, "hidden": 8, "latents": 2, "num_codes": 4, "code_vectors": 3}
    run = train(tmp_path / "run", "digits", posterior="codes", **options)
    for folder, fit, said in (
        (run, "gaussian_mixture", "is not of the latents of this model: choose codes"),
        (digits.folder, "codes", "is not of the latents of this model: choose another, such as"),
    ):
        assert prior.main([str(folder), "--fit", fit, "--out", str(tmp_path / "no")]) == 1
        assert said in capsys.readouterr().err.replace("\n", " ")
    out = tmp_path / "fitted"
    given = ["--fit", "codes", "--epochs", "3", "--width", "8", *SHORT, "--out", str(out)]
    assert prior.main([str(run), *given]) == 0
    found = load_run(out)
    assert isinstance(found.model.prior(found.params), Coded)
    scores, before = read(out, "evaluation.json"), read(run, "evaluation.json")
    assert before["elbo"]["rate"] == pytest.approx(3 * np.log(4))
    assert scores["elbo"]["rate"] < before["elbo"]["rate"]
    drawn = tmp_path / "drawn.png"
    assert sample.main([str(out), "--number", "4", "--out", str(drawn)]) == 0
