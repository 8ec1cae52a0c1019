"""`evaluate --per-example`: the numbers of every example, of which those of the run are means."""

import csv

import jax
import numpy as np
import pytest
from own_configs import OWN
from tiny_runs import copy, read

from vae_jax import evaluate as library
from vae_jax.cli import embed, evaluate
from vae_jax.cli.main import main

OPTIONS = ["--importance-samples", "5", "--seed", "3"]
NUMBERS = ["elbo", "distortion", "rate", "log_likelihood"]
MORE = ["log_likelihood_standard_error", "effective_sample_size"]


@pytest.fixture(scope="module")
def scored(digits, tmp_path_factory):
    """A folder with a run, and with its examples' numbers in two formats."""
    place = tmp_path_factory.mktemp("scored")
    folder = copy(digits.folder, place / "run")
    for name in ("each.npz", "each.csv"):
        given = [str(folder), *OPTIONS, "--per-example", str(place / name)]
        assert evaluate.main(given) == 0
    return place


def test_the_numbers_of_a_run_are_means_of_these(scored):
    each, scores = np.load(scored / "each.npz"), read(scored / "run", "evaluation.json")
    assert list(each) == [*NUMBERS, *MORE, "z", "label"]
    means = [each[name].mean(dtype=np.float64) for name in NUMBERS]
    log_p = scores["log_likelihood"]
    expected = [*(scores["elbo"][name] for name in NUMBERS[:3]), log_p["value"]]
    np.testing.assert_allclose(means, expected, rtol=1e-6)
    np.testing.assert_allclose(
        each["elbo"], -each["distortion"] - each["rate"], rtol=1e-5, atol=1e-4
    )
    median = np.median(each["effective_sample_size"])
    assert median == pytest.approx(log_p["median_effective_sample_size"])
    assert np.ptp(each["elbo"]) > 1


def test_they_are_in_the_order_of_the_test_data(scored, digits, tmp_path):
    out = tmp_path / "z.npz"
    assert embed.main([str(digits.folder), "--seed", "3", "--out", str(out)]) == 0
    each, embedded = np.load(scored / "each.npz"), np.load(out)
    for name in ("z", "label"):
        np.testing.assert_array_equal(each[name], embedded[name])
    key, *_ = jax.random.split(jax.random.key(3), 5)
    test = digits.experiment.examples.load().test
    bound = library.elbos(digits.model, digits.params, key, test)
    np.testing.assert_allclose(each["elbo"], bound.value, rtol=1e-6)


def test_a_table_has_the_same(scored):
    with (scored / "each.csv").open() as file:
        lines = list(csv.DictReader(file))
    each = np.load(scored / "each.npz")
    assert list(lines[0]) == [*NUMBERS, *MORE, "z0", "z1", "z2", "label"]
    for name in (*NUMBERS, *MORE):
        column = np.array([line[name] for line in lines], np.float32)
        np.testing.assert_array_equal(column, each[name])


def test_without_a_bound_there_is_the_distortion(tmp_path):
    run, out = str(tmp_path / "run"), tmp_path / "each.npz"
    assert main(["train", "point", "--no-pictures", "--out", run], OWN) == 0
    assert main(["evaluate", run, "--per-example", str(out)], OWN) == 0
    each = np.load(out)
    assert list(each) == ["distortion", "z"]
    value = read(tmp_path / "run", "evaluation.json")["distortion"]["value"]
    np.testing.assert_allclose(each["distortion"].mean(dtype=np.float64), value, rtol=1e-6)
