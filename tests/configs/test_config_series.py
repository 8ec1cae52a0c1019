"""The config `series`: numbers at several times."""

import jax
import numpy as np
import pytest
from PIL import Image

from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices
from vae_jax.configs.options import from_json, to_json
from vae_jax.data import read_series

series = CONFIGS["series"]
SMALL = {"latents": 2, "choices": Choices(hidden=(4,))}
X = np.random.default_rng(0).normal((20, -1000), (0.1, 50), (12, 5, 2))


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=np.arange(12))
    return tmp_path / "a.npz"


def test_each_channel_is_standardised(path):
    experiment = series(data=path, **SMALL)
    loaded = experiment.examples.load()
    assert (loaded.train["x"].shape, loaded.test["x"].shape) == ((10, 5, 2), (2, 5, 2))
    np.testing.assert_allclose(loaded.train["x"].mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(loaded.train["x"].std(axis=(0, 1)), 1, rtol=1e-6)
    _, test = read_series(path).divide()
    np.testing.assert_allclose(experiment.views.restore(loaded.test["x"]), test.x, rtol=1e-6)
    np.testing.assert_array_equal(loaded.labels, test.label)
    scales = experiment.examples.found["scales"]
    assert loaded.notes[0] == "a: 12 series of 2 channels at 5 times."
    assert loaded.notes[1].endswith(f"is lower by {5 * np.log(scales).sum():.2f}.")


def test_a_run_needs_no_data_to_be_drawn_from(path):
    experiment = series(data=path, **SMALL)
    x = experiment.examples.load().test["x"]
    kept = from_json(series, to_json({"data": "", **SMALL, **experiment.examples.found}))
    path.unlink()
    again = series(**{**kept, "data": path})
    one, other = (e.trained.model.init(jax.random.key(0), x[0]) for e in (experiment, again))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    np.testing.assert_array_equal(again.views.restore(x), experiment.views.restore(x))


def test_other_series_are_read_as_its_own(path, tmp_path):
    experiment = series(data=path, **SMALL)
    np.savez(tmp_path / "b.npz", one=X[:3] + 1, other=X[:3])
    split = experiment.examples.others(tmp_path / "b.npz", "one")
    np.testing.assert_allclose(experiment.views.restore(split.x), X[:3] + 1, rtol=1e-6)
    np.save(tmp_path / "b.npy", X[:, :4])
    with pytest.raises(ValueError, match=r"b\.npy has series \[T, C\] of \[4, 2\], and"):
        experiment.examples.others(tmp_path / "b.npy", None)


@pytest.mark.parametrize("shape", [(3, 5, 2), (120, 1, 1), (2, 4, 12)])
def test_pictures(shape, path, tmp_path):
    show = series(
        data=path, shape=shape[1:], means=(0,) * shape[2], scales=(1,) * shape[2]
    ).views.show
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    x[..., 0] = 7  # a channel that does not change
    for made in (show.examples(tmp_path / "a", x, 10, "t"), show.pairs(tmp_path / "b", x, x, "t")):
        with Image.open(made) as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("L").getcolors()) > 5


@pytest.mark.parametrize("network", ["conv", "residual"])
def test_convolutions_along_time(network, path):
    choices = Choices(network=network, hidden=(256, 256), channels=(2, 3))
    model = series(data=path, choices=choices).trained.model
    params = jax.eval_shape(model.init, jax.random.key(0), X[0])
    assert params["encoder"]["body"]["Conv_0"]["kernel"].shape == (4, 2, 2)
    z = np.zeros(params["encoder"]["head"]["loc"]["bias"].shape, np.float32)
    assert jax.eval_shape(model.decode, params, z).loc.shape == (5, 2)
