"""Whole runs, from the command line to the pictures."""

import json
import math
import re
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from PIL import Image

from experiments import pictures
from experiments.configs import CONFIGS
from experiments.experiment import Experiment
from experiments.train import Configured, main, run
from vae_jax import checkpoint, data, generate

PICTURES = ["curves", "latent_map", "reconstructions", "samples", "traversal"]
SHRUNK = {
    "digits_conditional": {"hidden": 8, "latents": 2, "batch_size": 718},
    "mnist_vae": {"k": 2},
    "mnist_iwae": {"k": 3, "score_free": True},
    "fashion_conv": {"channels": (2, 3), "latents": 1},
}


def small(name, raw=None, *, download=False):
    """200 noise images to train and 20 to test, where the real data have tens of thousands."""
    rng = np.random.default_rng(0)

    def split(size):
        images = rng.integers(0, 256, (size, 8, 8, 1)).astype(np.uint8)
        return data.Split(images, (np.arange(size) % 10).astype(np.int32))

    return data.Dataset(name, split(200), None, split(20), max_value=255)


class Done(NamedTuple):
    folder: Any
    experiment: Experiment
    params: Any


def watched(start):
    """What a run drew its pictures of, and where."""
    done = []
    save_all = pictures.save_all

    def watching(folder, experiment, params, key):
        done.append(Done(folder, experiment, params))
        save_all(folder, experiment, params, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "save_all", watching)
        start()
    return done[0]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run as a user starts it; the only one with all 5000 importance samples."""
    out = tmp_path_factory.mktemp("digits") / "run"
    options = ["--epochs", "4", "--hidden", "32", "--latents", "3", "--seed", "7"]
    arguments = ["digits", *options, "--out", str(out)]
    statuses = []
    done = watched(lambda: statuses.append(main(arguments)))
    assert statuses == [0]
    assert done.folder == out
    return done


@pytest.fixture(scope="module", params=["digits", *SHRUNK])
def done(request, tmp_path_factory):
    """Every config, run for one epoch of two steps."""
    if request.param == "digits":
        return request.getfixturevalue("digits")
    options = {"epochs": 1, **SHRUNK[request.param]}
    with pytest.MonkeyPatch.context() as patch:
        if not request.param.startswith("digits"):
            patch.setattr(data, "load", small)
        experiment = CONFIGS[request.param](**options)._replace(importance_samples=10)
    configured = Configured(request.param, options, experiment)
    out = tmp_path_factory.mktemp(request.param)
    return watched(lambda: run(configured, out))


def read(folder, name):
    return json.loads((folder / name).read_text())


def rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def numbers(content):
    if isinstance(content, dict):
        return [number for value in content.values() for number in numbers(value)]
    return [content] if isinstance(content, int | float) else []


def test_every_config_is_run():
    assert {"digits", *SHRUNK} == set(CONFIGS)


def test_what_a_run_leaves(done):
    names = {path.name for path in done.folder.iterdir()}
    assert names == {"config.json", "metrics.jsonl", "evaluation.json", "params", "pictures"}
    assert sorted(path.stem for path in (done.folder / "pictures").iterdir()) == PICTURES
    for path in (done.folder / "pictures").iterdir():
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert min(picture.size) > 100
    config = read(done.folder, "config.json")
    assert config["config"] in CONFIGS
    assert set(config["versions"]) == {"python", "vae_jax", "jax", "flax", "optax", "numpy"}
    assert {"options", "commit", "device", "platform"} <= set(config)


def test_numbers_are_finite(done):
    evaluation, lines = read(done.folder, "evaluation.json"), rows(done.folder)
    assert {line["data"] for line in lines} == {"train", "test"}
    for content in (evaluation, *lines):
        assert len(numbers(content)) >= 5
        assert all(math.isfinite(number) for number in numbers(content))
    bound, log_p = evaluation["elbo"], evaluation["log_likelihood"]
    np.testing.assert_allclose(bound["elbo"], -bound["distortion"] - bound["rate"], rtol=1e-6)
    # on the same images: a tighter bound, but for the noise of one draw
    assert log_p["value"] > bound["elbo"] - 3 * bound["elbo_standard_error"]
    assert evaluation["images"] == len(done.experiment.test["x"])
    assert log_p["importance_samples"] == done.experiment.importance_samples


def test_saved_parameters_draw_the_same_samples(done):
    model, test = done.experiment.model, done.experiment.test
    x, c = test["x"][0], test["c"][0] if "c" in test else None
    like = jax.eval_shape(model.init, jax.random.key(0), x, c)
    read_back = checkpoint.load(done.folder / "params", like)
    jax.tree.map(np.testing.assert_array_equal, read_back, done.params)
    conditions = None if c is None else np.arange(2)
    ours, theirs = (
        generate.sample(model, params, jax.random.key(0), 2, conditions)
        for params in (read_back, done.params)
    )
    np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(ours[0], ours[1])


def test_options_are_recorded(digits):
    assert read(digits.folder, "config.json")["options"] == {
        "epochs": 4,
        "batch_size": 50,
        "latents": 3,
        "hidden": 32,
        "learning_rate": 0.002,
        "seed": 7,
    }
    assert digits.experiment.seed == 7


def test_the_loss_falls_on_digits(digits):
    train = [row for row in rows(digits.folder) if row["data"] == "train"]
    test = [row for row in rows(digits.folder) if row["data"] == "test"]
    assert [row["epoch"] for row in train] == [1, 2, 3, 4]
    losses = [row["loss"] for row in train]
    # 64 pixels, each a coin at first: 44 nats; the means of the pixels alone bring 28
    assert 20 < losses[-1] < losses[0] - 5 < 44
    # the training row is a mean over its epoch, the held-out one of its end
    assert abs(test[-1]["elbo"] + losses[-1]) < 2


def test_bits_are_reported_of_integers_alone(done):
    """The random images of `small` carry 8 bits a pixel: no model of them is below."""
    evaluation = read(done.folder, "evaluation.json")
    if done.experiment.num_levels is None:
        assert "bits_per_dim" not in evaluation
    else:
        nats = -evaluation["log_likelihood"]["value"] / 64
        np.testing.assert_allclose(evaluation["bits_per_dim"], 8 + nats / math.log(2), rtol=1e-6)
        assert evaluation["bits_per_dim"] > 8


def test_a_run_is_its_seed(tmp_path):
    options = {"epochs": 1, "hidden": 4, "latents": 2, "batch_size": 1437}
    losses = []
    for n, seed in enumerate((0, 0, 1)):
        experiment = CONFIGS["digits"](**options, seed=seed)._replace(importance_samples=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pictures, "save_all", lambda *_: None)
            patch.setattr("experiments.train.score", lambda *_: {})
            patch.setattr("experiments.train.print_scores", lambda _: None)
            folder = run(Configured("digits", options, experiment), tmp_path / str(n))
        losses.append([row.get("loss") or row["elbo"] for row in rows(folder)])
    assert losses[0] == losses[1]
    assert all(a != b for a, b in zip(losses[0], losses[2], strict=True))


def test_a_folder_in_use_is_refused(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    assert main(["digits", "--out", str(tmp_path)]) == 1
    assert f"error: {tmp_path} is not empty: name a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_runs_without_a_name_are_numbered(tmp_path, monkeypatch):
    from experiments import run_folder

    monkeypatch.chdir(tmp_path)
    made = [run_folder.create("digits", None) for _ in range(3)]
    assert [str(folder) for folder in made] == ["runs/digits-1", "runs/digits-2", "runs/digits-3"]


def test_an_unknown_config(capsys):
    assert main(["digit"]) == 2
    message = "there is no config 'digit'. Did you mean 'digits'? There are: "
    assert message + ", ".join(CONFIGS) in capsys.readouterr().err
    assert main(["zzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def status(arguments):
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    return exited.value.code


def test_a_misspelt_option(capsys):
    assert status(["digits", "--epoch", "3"]) == 2
    message = capsys.readouterr().err
    assert "Unrecognized options: --epoch" in message
    assert re.search(r"Perhaps you meant:\W+--epochs INT", message)


def test_options_that_make_no_run(capsys):
    assert main(["digits", "--batch-size", "2000"]) == 1
    assert "error: 1437 examples do not fill one batch of 2000." in capsys.readouterr().err


def test_data_that_are_not_there(tmp_path, monkeypatch, capsys):
    from vae_jax.data import prepared

    monkeypatch.setattr(prepared, "default_data_dir", lambda: tmp_path)
    assert main(["mnist_vae"]) == 1
    assert "error: mnist is not on this machine" in capsys.readouterr().err


def test_help_lists_the_configs_and_their_options(capsys):
    assert status(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"• {name} ", text) for name in CONFIGS)
    assert re.search(r"--out .*A new folder for the run", text)
    assert status(["mnist_iwae", "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"--k INT +Draws of z for each image and step\. \(default: 5\)", text)
