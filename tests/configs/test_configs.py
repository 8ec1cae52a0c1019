"""The configs: what their options are called, what they build, and when they read data."""

import inspect
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from tiny_runs import bytes_of, no_data, noise

from vae_jax import ColourLogistics, data
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices
from vae_jax.configs.experiment import fixed

TEXTS = ("text", "shakespeare", "shakespeare_wavenet")
NEEDS_DATA = {"images", "cifar10", "cifar10_rvq", "vectors", "series", *TEXTS}


def build(name, **options):
    return CONFIGS[name](
        **{"epochs": 1, **options}, **({"data": Path("absent")} if name in NEEDS_DATA else {})
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_every_option_is_explained(name):
    config = CONFIGS[name]
    assert config.__name__ == name
    parameters = inspect.signature(config).parameters.values()
    explained = re.findall(r"^ {2}(\w+): \S", inspect.getdoc(config), re.MULTILINE)
    assert explained == [p.name for p in parameters]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
    assert {p.name for p in parameters if p.default is p.empty} <= {"data"}
    assert {"epochs", "batch_size", "learning_rate", "seed"} <= set(explained)


def test_evaluation_data_are_the_same_whatever_the_seed():
    one, other = (CONFIGS["digits"](seed=seed) for seed in (0, 1))
    first, second = one.examples.load(), other.examples.load()
    np.testing.assert_array_equal(first.test["x"], second.test["x"])
    assert set(np.unique(first.test["x"])) == {0.0, 1.0}
    assert first.train["x"].dtype == np.uint8
    assert first.train["x"].max() == 16
    assert (len(first.train["x"]), len(first.test["x"])) == (1437, 360)
    assert "c" not in first.train
    assert (one.trained.seed, other.trained.seed) == (0, 1)


def test_evaluation_data_are_the_ones_of_the_published_numbers():
    """A draw of its own for each pixel: as many ones as the intensities say."""
    test, stored = CONFIGS["digits"]().examples.load().test["x"], data.load("digits").test.x
    np.testing.assert_allclose(test.mean(), stored.mean() / 16, atol=0.005)
    assert not np.array_equal(test[stored == 8], np.ones_like(test[stored == 8]))
    prepared = fixed(data.binarise(16), {"x": stored[:5]})["x"]
    np.testing.assert_array_equal(fixed(data.binarise(16), {"x": stored[:5]})["x"], prepared)
    assert fixed(None, {"x": stored})["x"] is stored


def test_a_conditional_experiment_has_labels():
    loaded = CONFIGS["digits_conditional"]().examples.load()
    assert loaded.notes[-1].startswith("log p(x) is log p(x|c), given the label")
    assert CONFIGS["digits"]().examples.load().notes == ()
    for split, size in ((loaded.train, 1437), (loaded.test, 360)):
        assert split["c"].shape == (size,)
        assert set(np.unique(split["c"])) == set(range(10))
    np.testing.assert_array_equal(loaded.labels, loaded.test["c"])


GIVEN = {
    "images": {
        "shape": (8, 8, 1),
        "levels": 256,
        "choices": Choices(network="conv", channels=(2,), sigma=0.1),
    },
    "cifar10_rvq": {"shape": (8, 8, 3), "levels": 256},
    "vectors": {"numbers": ("a",), "classes": {"b": ("x", "y")}, "means": (0.0,), "scales": (1.0,)},
    "series": {"shape": (3, 1), "means": (0.0,), "scales": (1.0,)},
    "cifar10": {"shape": (8, 8, 3), "levels": 256},
    **{name: {"vocabulary": "abc"} for name in TEXTS},
}


# a table that comes with scikit-learn says itself what its columns are
@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "table_missing"])
def test_nothing_is_read_before_load(name, monkeypatch):
    for reader in (
        *("load", "read", "read_text", "read_images", "open_images"),
        *("read_table", "read_series"),
    ):
        monkeypatch.setattr(data, reader, no_data)
    experiment = build(name, **GIVEN.get(name, {}))
    with pytest.raises(AssertionError, match="data were read"):
        experiment.examples.load()


@pytest.mark.parametrize("name", ["mnist_vae", "mnist_iwae"])
def test_the_output_bias_is_the_logit_of_the_training_mean(name, monkeypatch):
    monkeypatch.setattr(data, "load", noise)
    experiment = CONFIGS[name]()
    images = experiment.examples.load().train["x"]
    params = experiment.trained.model.init(jax.random.key(0), np.zeros((28, 28, 1), np.float32))
    mean = jax.nn.sigmoid(params["decoder"]["head"]["logits"]["bias"])
    expected = np.clip(images.mean(axis=0).ravel() / 255, 0.001, 0.999)
    np.testing.assert_allclose(mean, expected, rtol=1e-5)


def test_options_reach_the_experiment():
    for name in CONFIGS:
        given = {"epochs": 3, "batch_size": 7, "learning_rate": 0.5, "seed": 9}
        experiment = build(name, **given, **GIVEN.get(name, {}))
        assert {option: getattr(experiment.trained, option) for option in given} == given


@pytest.mark.parametrize("name", [name for name in CONFIGS if not name.startswith("mnist")])
def test_no_latents_are_refused(name):
    with pytest.raises(ValueError, match="latents must be at least 1; got 0"):
        build(name, latents=0, **GIVEN.get(name, {}))


def test_grey_levels_are_cut_into_classes(monkeypatch):
    monkeypatch.setattr(data, "load", noise)
    experiment = CONFIGS["mnist_categorical"](levels=3)
    stored, loaded = noise("mnist"), experiment.examples.load()
    np.testing.assert_array_equal(loaded.train["x"], np.floor(stored.train.x / 256 * 3))
    params = experiment.trained.model.init(jax.random.key(0), loaded.train["x"][0])
    likelihood = experiment.trained.model.decode(params, np.zeros(32, np.float32))
    assert likelihood.logits.shape == (28, 28, 1, 3)
    with pytest.raises(ValueError, match=r"levels must be in 2 \.\. 256; got 257"):
        CONFIGS["mnist_categorical"](levels=257)


def test_colours_are_of_a_mixture_of_logistics(tmp_path):
    np.savez(tmp_path / "a.npz", images=bytes_of(9, (8, 8, 3)))
    experiment = CONFIGS["cifar10"](data=str(tmp_path / "a.npz"), epochs=1)
    x = np.zeros((8, 8, 3), np.uint8)
    init = jax.eval_shape(experiment.trained.model.init, jax.random.key(0), x)
    z = np.zeros(128, np.float32)
    assert isinstance(jax.eval_shape(experiment.trained.model.decode, init, z), ColourLogistics)
