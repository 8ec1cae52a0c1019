"""Whole runs of every config, from the command line to the pictures."""

import html
import itertools
import math

import jax
import numpy as np
import pytest
from bits import assert_same_bits
from PIL import Image
from tiny_runs import (
    LINES,
    bytes_of,
    noise,
    read,
    resume,
    rows,
    shorten,
    spelt,
    timeless,
    train,
    write_pngs,
    write_table,
)

from vae_jax import data, evaluate, generate
from vae_jax.checkpoint import Checkpoints
from vae_jax.cli.train import main
from vae_jax.configs import CONFIGS
from vae_jax.objectives import batch_size
from vae_jax.report.numbers import number
from vae_jax.runs import Training, load_run, start
from vae_jax.runs.divide import divide
from vae_jax.runs.load import shapes_of
from vae_jax.runs.pictures import save_pictures

PICTURES = {"latent_map.png", "reconstructions.png", "samples.png", "traversal.png"}
FILES = {"checkpoints", "config.json", "evaluation.json", "metrics.jsonl", "pictures", ".lock"}
SHRUNK = {  # one of each kind; each config takes its steps in tests/configs/test_lowered.py
    "digits_conditional": {"hidden": 8, "latents": 2, "batch_size": 718},
    "digits_gumbel": {"hidden": 8, "latents": 2, "batch_size": 718},
    "fashion_vq": {"channels": 2, "latents": 2, "num_codes": 4},
    "images": {"channels": 2, "latents": 2, "batch_size": 9},
    "vectors": {"hidden": 4, "latents": 2, "batch_size": 20},
    "series": {"hidden": 4, "latents": 2, "batch_size": 20},
    "mnist_categorical": {"hidden": 8, "latents": 2, "levels": 3},
    "table_missing": {"hidden": 4, "latents": 2, "batch_size": 227, "draws": 2},
    "text": {"hidden": 8, "latents": 2, "length": 8, "batch_size": 20},
    "shakespeare_wavenet": {"hidden": 8, "decoder_width": 8, "length": 8, "batch_size": 40},
}
TEXTS = ("text", "shakespeare_wavenet")


@pytest.fixture(scope="module", params=["digits", *SHRUNK])
def done(request, tmp_path_factory):
    """Configs of every kind, run for one epoch of a few steps."""
    name = request.param
    if name == "digits":
        return load_run(request.getfixturevalue("digits"))
    place, options = tmp_path_factory.mktemp(name), {"epochs": 1, **SHRUNK[name]}
    if name == "images":
        options["data"] = write_pngs(place / "pictures", bytes_of(60))
    if name == "vectors":
        options["data"] = write_table(place / "people.csv")
    if name == "series":
        options["data"] = place / "waves.npy"
        np.save(options["data"], np.random.default_rng(0).normal(7, 3, (60, 5, 2)))
    if name in TEXTS:
        options["data"] = place / "night.txt"
        options["data"].write_text(LINES)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        if name.startswith(("mnist", "fashion")):
            patch.setattr(data, "load", noise)
        run = load_run(train(place / "run", name, **options))
        loaded = run.experiment.examples.load()
    examples = run.experiment.examples._replace(load=lambda: loaded)
    return run._replace(experiment=run.experiment._replace(examples=examples))


def is_text(run):
    return run.config["config"] in TEXTS


def numbers(content):
    if isinstance(content, dict):
        return [number for value in content.values() for number in numbers(value)]
    return [content] if isinstance(content, int | float) else []


def test_what_a_run_leaves(done):
    assert {path.name for path in done.folder.iterdir()} == FILES | {"report.html", "status.json"}
    names = {path.name for path in (done.folder / "pictures").iterdir()}
    if is_text(done):
        assert names == {"latent_map.png", "reconstructions.txt", "samples.txt", "traversal.txt"}
    else:
        assert names == PICTURES
    for path in (done.folder / "pictures").glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"
            assert min(picture.size) > 100
    config = done.config
    assert set(config["versions"]) == {"python", "vae_jax", "jax", "flax", "optax", "numpy"}
    assert {"options", "training", "stored", "commit", "device", "platform"} <= set(config)
    assert config["products"] == {"training": "default", "evaluation": "highest"}
    assert "resumed" not in config
    epochs = config["options"]["epochs"]
    status = read(done.folder, "status.json")
    assert (status["state"], status["epoch"], status["epochs"]) == ("finished", epochs, epochs)


def test_how_the_data_were_read_is_kept_and_told(done):
    notes = done.config["notes"]
    assert notes == list(done.experiment.examples.load().notes)
    told = {
        "vectors": 2,
        "series": 2,
        "digits_conditional": 1,
        "images": 1,
        **dict.fromkeys(TEXTS, 1),
    }
    told |= {"table_missing": 3}
    assert len(notes) == told.get(done.config["config"], 0)
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert all(f"<p>{html.escape(note)}</p>" in page for note in notes)


def test_numbers_are_finite(done):
    evaluation, lines = read(done.folder, "evaluation.json"), rows(done.folder)
    assert {line["data"] for line in lines} == {"train", "held_out"}
    for content in (evaluation, *lines):
        assert len(numbers(content)) >= 5
        assert all(math.isfinite(number) for number in numbers(content))
    bound, log_p = evaluation["elbo"], evaluation["log_likelihood"]
    np.testing.assert_allclose(bound["elbo"], -bound["distortion"] - bound["rate"], rtol=1e-6)
    # on the same images: a tighter bound, but for the noise of one draw
    assert log_p["value"] > bound["elbo"] - 3 * bound["elbo_standard_error"]
    assert evaluation["images"] == batch_size(done.experiment.examples.load().test)
    samples = 5000 if done.config["config"] == "digits" else 10
    assert log_p["importance_samples"] == samples
    assert ("reading" in log_p) == (log_p["median_effective_sample_size"] < 10)


def test_examples_are_described(done):
    test = done.experiment.examples.load().test
    described = {name: shapes_of(form) for name, form in done.config["example"].items()}
    assert described == jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), test
    )
    kinds = {leaf.dtype for leaf in jax.tree.leaves(shapes_of(done.config["stored"]["x"]))}
    expected = {"series": {"float32"}, "vectors": {"float32", "int32"}}
    expected |= {"table_missing": {"float32"}, **{name: {"int32"} for name in TEXTS}}
    assert kinds == set(map(np.dtype, expected.get(done.config["config"], {"uint8"})))


def test_samples_are_drawn_from_what_was_saved(done):
    with Checkpoints(done.folder / "checkpoints", write=False) as checkpoints:
        assert_same_bits(checkpoints.load_params(done.epoch), done.params)
    test = done.experiment.examples.load().test
    c = jax.tree.map(lambda leaf: leaf[:2], test.get("c"))  # labels, or what is there
    one, again = (
        generate.sample(run.model, run.params, jax.random.key(0), 2, c)
        for run in (done, load_run(done.folder))
    )
    jax.tree.map(np.testing.assert_array_equal, one, again)
    first = jax.tree.leaves(one)[-1]
    assert not np.array_equal(first[0], first[1])


def test_text_is_drawn_as_lines(done, tmp_path):
    if not is_text(done):
        return
    drawn = (done.folder / "pictures" / "samples.txt").read_text().splitlines()
    assert len(drawn) == 100
    characters = set(done.config["found"]["vocabulary"].replace("\n", "\N{RETURN SYMBOL}"))
    assert all(len(line) == 8 and set(line) <= characters for line in drawn)
    pairs = (done.folder / "pictures" / "reconstructions.txt").read_text().splitlines()
    held_out = spelt(done.experiment, done.experiment.examples.load().test["x"], tmp_path)
    assert [line.replace("\N{RETURN SYMBOL}", "\n") for line in pairs[::3]] == held_out


def test_bits_are_reported_of_integers_alone(done):
    """The noise carries 8 bits a pixel: no model of it is below. A character is a class."""
    evaluation, levels = read(done.folder, "evaluation.json"), done.experiment.examples.num_levels
    if levels is None:
        assert "bits_per_dim" not in evaluation
        return
    dims = math.prod(done.config["example"]["x"]["shape"])
    bits = math.log2(levels) - evaluation["log_likelihood"]["value"] / dims / math.log(2)
    np.testing.assert_allclose(evaluation["bits_per_dim"], bits, rtol=1e-6)
    of_masses = is_text(done) or done.config["config"] == "mnist_categorical"
    assert levels == (1 if of_masses else 256)
    assert evaluation["bits_per_dim"] > (0 if of_masses else 8)


def test_which_codes_are_in_use_is_told_of_codes_alone(done):
    evaluation = read(done.folder, "evaluation.json")
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    in_codes = done.config["config"] == "fashion_vq"
    assert ("fraction of the codes in use" in page) == in_codes
    if not in_codes:
        assert not {"code_usage", "code_perplexity", "num_codes"} & set(evaluation)
        return
    use = evaluate.code_use(done.model, done.params, done.experiment.examples.load().test)
    assert evaluation["num_codes"] == 4
    assert evaluation["code_usage"] == use.usage
    assert evaluation["code_perplexity"] == use.perplexity
    assert 1 <= use.perplexity <= 4 * use.usage
    for value in (use.usage, use.perplexity):
        assert f">{number(value)}<" in page


def test_options_are_recorded(digits):
    config = read(digits, "config.json")
    sizes = {"batch_size": 50, "latents": 3, "learning_rate": 0.002, "conditional": False}
    choices = config["options"].pop("choices")
    assert (choices["hidden"], choices["likelihood"], choices["beta"]) == ([32], "bernoulli", 1.0)
    assert config["options"] == {"epochs": 4, "seed": 7, **sizes}
    training = {"evaluate_every": 2, "hold_out": 0, "patience": None, "metric": "elbo", "keep": 3}
    how = {"schedule": "cosine", "warmup": 0, "clip": None, "average": None, "time": None}
    how |= {"score": True, "importance_samples": None, "pictures": True, "tensorboard": False}
    how |= {"profile": False}
    assert config["training"] == {**training, **how}
    assert load_run(digits).experiment.trained.seed == 7


def test_the_loss_falls_on_digits(digits):
    lines = rows(digits)
    train_rows, held_out = (
        [row for row in lines if row["data"] == name] for name in ("train", "held_out")
    )
    assert [row["epoch"] for row in train_rows] == [1, 2, 3, 4]
    assert [row["epoch"] for row in held_out] == [2, 4]
    losses = [row["loss"] for row in train_rows]
    # the means of the pixels, where it begins, are worth 28 nats; what z adds at first is noise
    assert 20 < losses[-1] < losses[0] - 3 < 44
    # the training row is a mean over its epoch, the held-out one of its end
    assert abs(held_out[-1]["elbo"] + losses[-1]) < 2
    rates = [row["learning_rate"] for row in train_rows]
    steps = 28 * np.arange(1, 5) - 1  # the last step of each epoch, of 4 * 28
    expected = 0.001 * (1 + np.cos(np.pi * steps / 112))
    np.testing.assert_allclose(rates, expected, rtol=1e-4, atol=1e-8)


def test_the_best_parameters_are_kept(chosen):
    lines = [row for row in rows(chosen) if row["data"] == "held_out"]
    best = max(lines, key=lambda row: row["elbo"])["epoch"]
    status = read(chosen, "status.json")
    assert (status["state"], status["best_epoch"]) == ("stopped early", best)
    assert status["epoch"] == best + 3 < 30
    assert load_run(chosen).epoch == best
    assert {path.name for path in (chosen / "checkpoints").iterdir()} >= {str(best), str(best + 3)}
    # 200 examples are set aside: 1,237 are left, 24 steps of 50
    assert next(row["step"] for row in rows(chosen) if row["data"] == "train") == 24


@pytest.mark.parametrize(
    ("options", "scores"),
    [
        ({"hold_out": 9}, [-5.0, -6.0]),
        ({"hold_out": 9, "metric": "distortion"}, [-4.0, -3.0]),
        ({"metric": "distortion"}, None),  # test data choose nothing
    ],
)
def test_the_metric_is_what_is_chosen_by(options, scores, tmp_path, monkeypatch):
    given = {}

    def caught(*args, **options):
        given.update(options)
        raise ArithmeticError("caught")

    monkeypatch.setattr("vae_jax.runs.work.fit", caught)
    with pytest.raises(ArithmeticError, match="caught"):
        start("digits", {}, Training(**options), tmp_path / "run")
    lines = [{"elbo": -5.0, "distortion": 4.0}, {"elbo": -6.0, "distortion": 3.0}]
    assert (given["score"] and [given["score"](row) for row in lines]) == scores
    assert len(given["held_out"]["x"]) == options.get("hold_out", 360)


def test_a_run_is_its_seed(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    options = {"epochs": 1, "hidden": 8, "latents": 2}
    runs = [
        train(tmp_path / str(n), "digits", **options, seed=seed) for n, seed in enumerate((0, 0, 1))
    ]
    assert timeless(runs[0]) == timeless(runs[1])
    losses = [[row.get("loss") or row["elbo"] for row in rows(run)] for run in runs]
    assert all(a != b for a, b in zip(losses[0], losses[2], strict=True))
    evaluations = [read(run, "evaluation.json") for run in runs]
    for evaluation in evaluations:
        del evaluation["log_likelihood"]["seconds"]
    assert evaluations[0] == evaluations[1] != evaluations[2]


def test_the_held_out_examples_are_not_trained_on():
    experiment = CONFIGS["digits_conditional"]()
    loaded = experiment.examples.load()
    train_part, aside = divide(experiment, loaded, Training(hold_out=200))
    assert (len(train_part["x"]), len(aside["x"])) == (1237, 200)
    assert set(np.unique(aside["x"])) == {0.0, 1.0}
    again, _ = divide(
        experiment._replace(trained=experiment.trained._replace(seed=5)),
        loaded,
        Training(hold_out=200),
    )
    np.testing.assert_array_equal(again["x"], train_part["x"])
    rest, order = np.random.default_rng(0).permutation(1437)[:200], np.arange(1437)
    np.testing.assert_array_equal(aside["c"], loaded.train["c"][rest])
    np.testing.assert_array_equal(train_part["x"], loaded.train["x"][~np.isin(order, rest)])


def test_what_makes_no_run_leaves_no_folder(tmp_path, capsys):
    cases = [("--patience", "3"), ("--hold-out", "1437"), ("--batch-size", "2000")]
    others = [("--epochs", "0"), ("--latents", "0"), ("--clip", "-1"), ("--warmup", "99999")]
    for option in itertools.chain(cases, others):
        assert main(["digits", *option, "--out", str(tmp_path / "run")]) == 1
        assert capsys.readouterr().err.startswith("error: ")
        assert list(tmp_path.iterdir()) == []


def test_one_test_example_is_not_enough_to_be_scored(tmp_path, capsys):
    images = np.zeros((5, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x_train=images, x_test=images[:1])
    arguments = ["images", "--data", str(tmp_path / "x.npz"), "--batch-size", "2"]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 1
    assert "needs two test examples at least to be scored" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, capsys):
    arguments = ["digits", "--epochs", "5", "--learning-rate", "1e30", "--hidden", "4"]
    assert main([*arguments, "--out", str(tmp_path / "r")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    failure = read(tmp_path / "r", "failure.json")
    assert failure["error"] in message
    assert {"step", "examples", "terms"} <= set(failure)


def test_a_finished_run_can_be_made_longer(tmp_path, monkeypatch):
    """With a constant rate it is the run that was longer from the start."""
    shorten(monkeypatch, pictures=False)
    options = {"hidden": 8, "latents": 2, "schedule": "constant", "evaluate_every": 1}
    short, long = (
        train(tmp_path / str(epochs), "digits", epochs=epochs, **options) for epochs in (2, 3)
    )
    assert resume(short, "--epochs", "3") == 0
    assert timeless(short) == timeless(long)
    assert_same_bits(load_run(short).params, load_run(long).params)
    assert read(short, "evaluation.json")["elbo"] == read(long, "evaluation.json")["elbo"]


def test_a_picture_that_fails_costs_a_picture(tmp_path, monkeypatch, capsys):
    shorten(monkeypatch)
    monkeypatch.setattr("vae_jax.runs.pictures.generate.traverse", None)
    run = train(tmp_path / "run", "digits", epochs=1, hidden=8, latents=2)
    assert "There is no picture traversal: TypeError" in " ".join(capsys.readouterr().out.split())
    assert read(run, "status.json")["state"] == "finished"
    names = {path.name for path in (run / "pictures").iterdir()}
    assert names == PICTURES - {"traversal.png"} | {"missing.json"}
    assert "traversal could not be drawn: TypeError" in (run / "report.html").read_text()


def test_what_is_refused_before_the_first_step_leaves_no_folder(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise ValueError("at the door")

    monkeypatch.setattr("vae_jax.train.loop.check_evaluation", refuse)
    with pytest.raises(ValueError, match="at the door"):
        start("digits", {}, Training(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_strays_among_the_pictures_cost_a_picture_each(digits, tmp_path):
    """Whatever lies where a picture is to be; and a folder of them that is none."""
    run = load_run(digits)
    loaded, key = run.experiment.examples.load(), jax.random.key(0)
    few = loaded._replace(test=jax.tree.map(lambda leaf: leaf[:20], loaded.test))
    given = (run.experiment, few._replace(labels=None), run.params, key)
    for stray in ("samples.png", "missing.json"):
        (tmp_path / "pictures" / stray).mkdir(parents=True)
    assert list(save_pictures(tmp_path / "pictures", *given)) == ["samples"]
    (tmp_path / "file").touch()
    assert len(save_pictures(tmp_path / "file", *given)) == 4
