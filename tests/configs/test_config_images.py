"""The config `images`: other people's images, from wherever they lie."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_runs import bytes_of, write_pngs

from vae_jax import Bernoulli, ColourLogistics, Gaussian
from vae_jax.configs import CONFIGS, intensities
from vae_jax.configs.choices import Choices
from vae_jax.models import trace

images = CONFIGS["images"]
GAUSSIAN = Choices(network="conv", channels=(2,), sigma=0.1)
BERNOULLI = replace(GAUSSIAN, likelihood="bernoulli", sigma=None)
CHOICES = {"gaussian": GAUSSIAN, "bernoulli": BERNOULLI}
FOUND = {"shape": (8, 8, 1), "layout": "NHWC", "signed": False}
SMALL = {"choices": GAUSSIAN, "latents": 2}
BINARY = {"choices": BERNOULLI, "latents": 2}


def likelihood(experiment, example):
    params = experiment.trained.model.init(jax.random.key(0), example)
    return experiment.trained.model.decode(params, np.zeros(2, np.float32))


def save(path, x):
    np.savez(path, x=x)
    return str(path)


def test_a_folder_of_bytes(tmp_path):
    stored = bytes_of(20)
    folder = write_pngs(tmp_path / "pictures", stored)
    experiment = images(data=str(folder), **SMALL)
    loaded = experiment.examples.load()
    assert (loaded.train["x"].shape, loaded.test["x"].shape) == ((18, 8, 8, 1), (2, 8, 8, 1))
    assert loaded.train["x"].dtype == np.uint8
    # dequantised: inside (0, 1), each in the interval of its integer, and nowhere special in it
    assert 0 < loaded.test["x"].min() < loaded.test["x"].max() < 1
    assert all(any(np.array_equal(np.floor(256 * x), y) for y in stored) for x in loaded.test["x"])
    assert len(np.unique(np.round(loaded.test["x"] % (1 / 256), 6))) > 50
    assert experiment.examples.num_levels == 256
    assert FOUND.items() | {"levels": 256}.items() <= experiment.examples.found.items()
    made = likelihood(experiment, loaded.test["x"][0])
    assert isinstance(made, Gaussian)
    assert made.mean().shape == (8, 8, 1)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_data_of_other_levels_are_refused(likelihood, tmp_path):
    """A run's levels are kept; scored on other data its nats would be of something else."""
    stored = bytes_of(20)
    cases = [
        ((stored / 255).astype(np.float32), 256, "has fractions, and integers of 256 levels are"),
        (stored, 1, r"has dtype uint8, and floats \(levels=1\) are needed"),
        (stored, 2, r"has \d+ values outside 0 \.\. 1"),
    ]
    for n, (x, levels, message) in enumerate(cases):
        path = save(tmp_path / f"{n}.npz", x)
        kept = {"shape": (8, 8, 1), "levels": levels, "latents": 2}
        with pytest.raises(ValueError, match=message):
            images(data=path, choices=CHOICES[likelihood], **kept).examples.load()


def test_bytes_as_probabilities(tmp_path):
    x = bytes_of(400)
    x[:, :4] = 255
    path = save(tmp_path / "a.npz", x)
    experiment = images(data=path, **BINARY)
    loaded = experiment.examples.load()
    assert set(np.unique(loaded.test["x"])) == {0.0, 1.0}
    assert (loaded.test["x"][:, :4] == 1).all()  # 255 is certain
    np.testing.assert_allclose(loaded.test["x"][:, 4:].mean(), 0.5, atol=0.05)
    assert experiment.examples.num_levels is None
    assert isinstance(likelihood(experiment, loaded.test["x"][0]), Bernoulli)


@pytest.mark.parametrize(
    ("changes", "weight"),
    [
        ({"likelihood": "bernoulli"}, 0.0),
        ({"likelihood": "bernoulli", "beta_warmup": 0}, 1.0),
        ({"likelihood": "bernoulli", "posterior": "full"}, 0.0),
        ({"likelihood": "bernoulli", "posterior": "point"}, 0.0),  # there is no rate to weigh
        ({"likelihood": "gaussian"}, 1.0),
    ],
)
def test_the_rate_of_binary_images_comes_in_slowly(changes, weight, tmp_path):
    x = bytes_of(20) // 128
    given = {"choices": Choices(hidden=(2,), **changes), "latents": 2}
    trained = images(data=save(tmp_path / "a.npz", x), **given).trained
    step = trained.step(lambda make, **_: make(1e-2))
    batch = {"x": x.astype(np.float32) / 2 + 0.25}
    state = step.init(jax.random.key(0), trained.model.init(jax.random.key(1), batch["x"][0]))
    _, metrics = jax.jit(step.update)(state, batch)
    expected = metrics["distortion"] + weight * metrics.get("rate", 0.0)
    np.testing.assert_allclose(metrics["loss"], expected, rtol=1e-6)
    assert metrics.get("rate", 1.0) > 0.1


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_binary_images(kind, tmp_path):
    x = bytes_of(20) // 128
    experiment = images(data=save(tmp_path / "a.npz", x), choices=CHOICES[kind], latents=2)
    assert FOUND.items() | {"levels": 2}.items() <= experiment.examples.found.items()
    test = experiment.examples.load().test["x"]
    if kind == "bernoulli":  # a certain 0 or 1 is not drawn otherwise
        assert set(np.unique(test)) == {0.0, 1.0}
        return
    assert 0 < test.min() < test.max() < 1
    assert experiment.examples.num_levels == 2


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_floats(kind, tmp_path):
    x = bytes_of(20).astype(np.float32) / 255
    experiment = images(data=save(tmp_path / "a.npz", x), choices=CHOICES[kind], latents=2)
    test = experiment.examples.load().test["x"]
    assert experiment.examples.num_levels is None
    assert experiment.examples.found["levels"] == 1
    if kind == "gaussian":  # as they are
        assert all(any(np.allclose(one, other) for other in x) for one in test)
    else:
        assert set(np.unique(test)) == {0.0, 1.0}
        np.testing.assert_allclose(test.mean(), 0.5, atol=0.2)


def test_streamed_images_stay_on_the_disk(tmp_path):
    bytes_ = bytes_of(12)
    write_pngs(tmp_path / "train", bytes_)
    write_pngs(tmp_path / "test", bytes_of(3, seed=1))
    experiment = images(data=str(tmp_path), stream=True, **SMALL)
    loaded = experiment.examples.load()
    assert not isinstance(loaded.train, dict)
    assert len(loaded.train) == 12
    np.testing.assert_array_equal(loaded.train[4]["x"], bytes_[4])
    assert loaded.test["x"].shape == (3, 8, 8, 1)
    in_memory = images(data=str(tmp_path), **SMALL).examples.load()
    np.testing.assert_array_equal(loaded.test["x"], in_memory.test["x"])


def test_a_likelihood_begins_at_the_moments_of_the_training_data(tmp_path):
    path, given = save(tmp_path / "a.npz", bytes_of(400)), Choices(hidden=(2,))
    each = replace(given, scale="dimension")
    for choices in (given, each, replace(given, likelihood="bernoulli")):
        experiment = images(data=path, choices=choices, latents=2)
        stored = experiment.examples.load().train["x"]
        params = experiment.trained.model.init(jax.random.key(0), stored[0] / 255)
        head = params["decoder"]["head"]
        if choices.likelihood == "bernoulli":
            mean = (stored / 255).mean(axis=0).ravel()
            expected = jax.nn.sigmoid(head["logits"]["bias"])
            np.testing.assert_allclose(expected, mean, rtol=1e-5)
            continue
        noise = np.random.default_rng(0).random((20, *stored.shape))
        x = ((stored + noise) / 256).reshape(-1, *stored.shape[1:])  # dequantised
        np.testing.assert_allclose(head["loc"]["bias"], x.mean(axis=0).ravel(), atol=1e-4)
        own = head["scale"]["log_scale"]
        log_scale = (10 * own).ravel() if choices is each else own["bias"]
        deviation = np.sqrt(x.var(axis=0).mean())
        np.testing.assert_allclose(np.exp(log_scale), np.full(64, deviation / 2), rtol=5e-3)


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
def test_a_scale_may_be_that_of_the_training_data(likelihood, tmp_path):
    path, given = save(tmp_path / "a.npz", bytes_of(400)), Choices(hidden=(2,))
    given = replace(given, likelihood=likelihood, mean_bound="sigmoid")
    family = np.sqrt(2) if likelihood == "laplace" else 1
    for scale, factor in (("data", 1), ("data_vqvae", np.sqrt(64 / 2))):
        choices = replace(given, scale=scale)
        experiment = images(data=path, choices=choices, latents=2)
        stored = experiment.examples.load().train["x"]
        params = experiment.trained.model.init(jax.random.key(0), stored[0] / 255)
        variance = (stored.astype(np.float64).var() + 1 / 12) / 256**2  # dequantised
        own = np.exp(params["decoder"]["head"]["scale"]["log_scale"])
        np.testing.assert_allclose(own, factor * np.sqrt(variance) / family, rtol=1e-5)
    begin = jax.nn.sigmoid(params["decoder"]["head"]["loc"]["bias"])
    np.testing.assert_allclose(begin, stored.mean(axis=0).ravel() / 255, rtol=1e-4)


@pytest.mark.parametrize("likelihood", ["laplace", "continuous_bernoulli", "beta"])
def test_densities_are_of_dequantised_integers(likelihood, tmp_path):
    path = save(tmp_path / "a.npz", bytes_of(400))
    experiment = images(data=path, choices=Choices(hidden=(2,), likelihood=likelihood), latents=2)
    loaded = experiment.examples.load()
    assert 0 < loaded.test["x"].min() < loaded.test["x"].max() < 1
    assert experiment.examples.num_levels == 256
    model = experiment.trained.model
    params = model.init(jax.random.key(0), loaded.test["x"][0])
    begin = model.decode(params, np.zeros(2, np.float32))  # the bias is left
    mean = loaded.train["x"].mean(axis=0) / 255
    np.testing.assert_allclose(begin.mean(), mean, atol=0.01)


@pytest.mark.parametrize("likelihood", ["logistic", "logistic_mixture"])
@pytest.mark.parametrize("channels", [1, 3])
def test_levels_are_scored_as_they_are(likelihood, channels, tmp_path):
    path = save(tmp_path / "a.npz", bytes_of(400, (4, 4, channels)) // 2)
    choices = Choices(hidden=(2,), likelihood=likelihood)
    experiment = images(data=path, choices=choices, latents=2)
    loaded = experiment.examples.load()
    assert loaded.test["x"].dtype == np.uint8
    assert experiment.examples.num_levels == 1
    model = experiment.trained.model
    params = model.init(jax.random.key(0), loaded.test["x"][0])
    begin = model.decode(params, np.zeros(2, np.float32))
    assert isinstance(begin, ColourLogistics) == (likelihood != "logistic" and channels == 3)
    loc = begin.loc if likelihood == "logistic" else begin.loc.mean(axis=-1)
    mean = loaded.train["x"].mean(axis=0)
    np.testing.assert_allclose((loc + 1) * 255 / 2, mean, atol=0.1)
    assert np.isfinite(jax.vmap(begin.log_prob)(loaded.test["x"])).all()


def test_of_many_sorted_images_some_of_all_kinds_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(intensities, "_SOME", 10)
    x = np.repeat(np.arange(30, dtype=np.uint8)[:, None, None, None], 8, axis=1) * 8
    np.savez(tmp_path / "a.npz", x_train=x, x_test=x[:3])
    experiment = images(data=str(tmp_path / "a.npz"), choices=Choices(hidden=(2,)), latents=2)
    params = experiment.trained.model.init(jax.random.key(0), x[0] / 255)
    expected = (x[::3].mean() + 0.5) / 256
    np.testing.assert_allclose(params["decoder"]["head"]["loc"]["bias"], expected, rtol=1e-5)


def test_images_that_are_streamed_begin_at_the_moments_of_those_to_train_on(tmp_path):
    dark, light = bytes_of(30) // 4, 255 - bytes_of(9, seed=1) // 4
    write_pngs(tmp_path / "train", dark)
    write_pngs(tmp_path / "test", light)
    mlp = Choices(hidden=(2,))
    models = [
        images(data=str(tmp_path), stream=s, choices=mlp).trained.model for s in (True, False)
    ]
    streamed, in_memory = (m.init(jax.random.key(0), dark[0] / 255)["decoder"] for m in models)
    bias = streamed["head"]["loc"]["bias"]
    np.testing.assert_allclose(bias, (dark.mean(axis=0).ravel() + 0.5) / 256, rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, streamed, in_memory)


def test_what_was_found_rebuilds_the_same_model(tmp_path):
    path, stored = tmp_path / "a.npz", bytes_of(20)
    experiment = images(data=save(path, stored), **SMALL)
    x = experiment.examples.load().test["x"][0]
    key = jax.random.key(0)
    params = jax.eval_shape(experiment.trained.model.init, key, x)
    path.unlink()
    again = images(data=str(path), **{**SMALL, **experiment.examples.found})
    models = [e.trained.model for e in (experiment, again)]
    one, other = (jax.eval_shape(partial(trace, m), params, key, x) for m in models)
    assert one == other
    assert (again.examples.num_levels, again.trained.scan) == (
        experiment.examples.num_levels,
        experiment.trained.scan,
    )
    with pytest.raises(FileNotFoundError):
        again.examples.load()


def test_a_likelihood_that_there_is_not(tmp_path):
    path = save(tmp_path / "a.npz", bytes_of(20))
    with pytest.raises(ValueError, match=r"no likelihood 'bernouli'\. Did you mean 'bernoulli'"):
        images(data=path, choices=replace(GAUSSIAN, likelihood="bernouli"), latents=2)


def test_vectors_are_no_images(tmp_path):
    path = save(tmp_path / "a.npz", bytes_of(20, (8,)))
    with pytest.raises(ValueError, match=r"a.npz has examples of shape \[8\]: images are \[H, W"):
        images(data=path)


def test_layout_and_sign_are_kept_with_the_run(tmp_path):
    x = np.linspace(-1, 1, 20 * 2 * 6 * 5).reshape(20, 2, 6, 5)
    np.savez(tmp_path / "a.npz", night=x, day=-x)
    given = {"data": str(tmp_path / "a.npz"), "key": "night", "layout": "NCHW", **SMALL}
    experiment = images(**given)
    kept = {"shape": (6, 5, 2), "layout": "NCHW", "levels": 1, "signed": True}
    assert {name: experiment.examples.found[name] for name in kept} == kept
    loaded = experiment.examples.load()
    both = np.concatenate([loaded.train["x"], loaded.test["x"]])
    assert (both.min(), both.max()) == (0, 1)
    assert loaded.notes[1] == "a: images of 6x5 with 2 channels, 18 to train on and 2 to test."
    assert loaded.notes[2] == "The nats are of [0, 1]; of [-1, 1], log p(x) is lower by 41.6."
    masses = images(**{**given, "choices": BERNOULLI}).examples.load()
    assert masses.notes == loaded.notes[:2]  # a mass is the same in any units
    again = images(**{**given, **experiment.examples.found}).examples.load()
    np.testing.assert_array_equal(again.test["x"], loaded.test["x"])
    np.save(tmp_path / "other.npy", np.full((3, 2, 6, 5), 0.5))
    other = experiment.examples.others(tmp_path / "other.npy", None)
    np.testing.assert_array_equal(other.x, np.full((3, 6, 5, 2), 0.75))
    other = experiment.examples.others(tmp_path / "a.npz", "day")
    np.testing.assert_allclose(other.x[0, 0, 0], (1 - x[0, :, 0, 0]) / 2, atol=1e-6)


def test_what_is_left_out_of_a_folder_is_told(tmp_path):
    for split in ("train", "test"):
        write_pngs(tmp_path / split, bytes_of(4))
        (tmp_path / split / "a.webp").write_bytes(b"not looked at")
    for stream in (False, True):
        notes = images(data=str(tmp_path), stream=stream, **SMALL).examples.load().notes
        told = [note.partition(": ")[2] for note in notes]
        assert [one[:17] for one in told[:2]] == ["1 .webp left out:"] * 2
        assert told[2:] == ["images of 8x8 with 1 channel, 4 to train on and 4 to test."]


def test_no_data_are_not_the_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(write_pngs(tmp_path / "here", bytes_of(4)))
    with pytest.raises(ValueError, match="data is empty: name a folder, a file, or a prepared set"):
        images(data="", **SMALL)


def test_grey_photographs_are_no_negatives(tmp_path):
    experiment = images(data=save(tmp_path / "a.npz", bytes_of(20)), **SMALL)
    black = np.zeros((1, 8, 8, 1), np.float32)
    path = experiment.views.show.examples(tmp_path / "black", black, 1, "")
    with Image.open(path) as picture:
        middle = picture.convert("L").getpixel((picture.width // 2, picture.height // 2))
    assert middle == 0
