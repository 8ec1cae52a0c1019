"""The config `images`: other people's images, from wherever they lie."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from tiny_runs import bytes_of, write_pngs

from vae_jax import Bernoulli, Gaussian
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices

images = CONFIGS["images"]
GAUSSIAN = Choices(network="conv", channels=(2,), sigma=0.1)
BERNOULLI = replace(GAUSSIAN, likelihood="bernoulli", sigma=None)
CHOICES = {"gaussian": GAUSSIAN, "bernoulli": BERNOULLI}
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
    assert experiment.examples.found == {"shape": (8, 8, 1), "levels": 256}
    made = likelihood(experiment, loaded.test["x"][0])
    assert isinstance(made, Gaussian)
    assert made.mean().shape == (8, 8, 1)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_data_of_other_levels_are_refused(likelihood, tmp_path):
    """A run's levels are kept; scored on other data its nats would be of something else."""
    stored = bytes_of(20)
    cases = [
        ((stored / 255).astype(np.float32), 256, "holds float32 up to 1, .* integers below 256"),
        (stored, 1, r"holds uint8 up to 25\d, .* floats in \[0, 1\]"),
        (stored, 2, r"holds uint8 up to 25\d, .* integers below 2:"),
    ]
    for n, (x, levels, message) in enumerate(cases):
        path = save(tmp_path / f"{n}.npz", x)
        experiment = images(data=path, levels=levels, choices=CHOICES[likelihood], latents=2)
        with pytest.raises(ValueError, match=message):
            experiment.examples.load()


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


@pytest.mark.parametrize("kind", ["gaussian", "bernoulli"])
def test_binary_images(kind, tmp_path):
    x = bytes_of(20) // 128
    experiment = images(data=save(tmp_path / "a.npz", x), choices=CHOICES[kind], latents=2)
    assert experiment.examples.found == {"shape": (8, 8, 1), "levels": 2}
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


def test_what_was_found_rebuilds_the_same_model(tmp_path):
    path, unsaid = tmp_path / "a.npz", replace(GAUSSIAN, sigma=None)
    stored = bytes_of(20)
    experiment = images(data=save(path, stored), choices=unsaid, latents=2)
    deviation = np.sqrt((experiment.examples.load().train["x"] / 255).var(axis=0).mean())
    np.testing.assert_allclose(experiment.examples.found["choices"].sigma, deviation / 2, rtol=1e-5)
    x = experiment.examples.load().test["x"][0]
    path.unlink()
    again = images(data=str(path), **{**SMALL, **experiment.examples.found})
    one, other = (e.trained.model.init(jax.random.key(0), x) for e in (experiment, again))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert (again.examples.num_levels, again.trained.scan) == (
        experiment.examples.num_levels,
        experiment.trained.scan,
    )
    with pytest.raises(FileNotFoundError):
        again.examples.load()


def test_vectors_are_no_images(tmp_path):
    path = save(tmp_path / "a.npz", bytes_of(20, (8,)))
    with pytest.raises(ValueError, match=r"a.npz has examples of shape \[8\]: images are \[H, W"):
        images(data=path)
