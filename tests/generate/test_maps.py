"""Maps of latents."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from vae_jax import maps

RNG = np.random.default_rng(0)
LABELS = [None, np.arange(30) % 10, np.arange(30) % 2, np.arange(30), RNG.normal(size=30)]


def assert_picture(path):
    with Image.open(path) as picture:
        picture.load()
        assert all(200 < pixels < 3000 for pixels in picture.size)
        assert len(picture.convert("L").getcolors()) > 1  # something is drawn


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("latents", [1, 2, 5])
def test_a_latent_map_of_any_number_of_latents(tmp_path, latents, labels):
    maps.save_latent_map(tmp_path / "m.png", RNG.normal(size=(30, latents)), labels, "title")
    assert_picture(tmp_path / "m.png")


def test_the_plane_of_a_latent_map():
    """Four latents, of which two vary most: the points are those two, up to a sign each."""
    means = RNG.normal(size=(500, 4))
    means = np.linalg.qr(means - means.mean(0))[0] * [0.1, 3.0, 0.2, 2.0] + 7.0  # uncorrelated
    points, share = maps._principal_plane(means)
    np.testing.assert_allclose(np.abs(points), np.abs(means[:, [1, 3]] - 7.0), atol=1e-9)
    np.testing.assert_allclose(share, (3**2 + 2**2) / (3**2 + 2**2 + 0.1**2 + 0.2**2))


def test_a_collapsed_posterior_has_a_latent_map(tmp_path):
    maps.save_latent_map(tmp_path / "m.png", np.zeros((5, 3)), np.arange(5), "title")
    assert_picture(tmp_path / "m.png")


@pytest.fixture
def drawn(monkeypatch):
    """What was scattered: the style of each call."""
    styles, scatter = [], Axes.scatter

    def watched(self, x, y, **style):
        styles.append({**style, "number": len(x)})
        return scatter(self, x, y, **style)

    monkeypatch.setattr(Axes, "scatter", watched)
    return styles


def test_every_class_of_thirty_looks_different(drawn, tmp_path):
    labels = np.arange(90) % 30
    maps.save_latent_map(tmp_path / "m.png", RNG.normal(size=(90, 2)), labels, "title")
    assert [style["number"] for style in drawn] == [3] * 30
    assert len({(style["color"], style["marker"]) for style in drawn}) == 30


def test_values_that_are_no_classes_are_shades(drawn, tmp_path):
    for labels in (np.arange(81), np.linspace(0, 1, 81)):
        maps.save_latent_map(tmp_path / "m.png", RNG.normal(size=(81, 2)), labels, "title")
    assert [style["cmap"] for style in drawn] == ["viridis"] * 2


def test_more_points_are_smaller_and_more_transparent(drawn, tmp_path):
    for number in (10, 1000, 2000):
        maps.save_latent_map(tmp_path / "m.png", RNG.normal(size=(number, 2)), None, "title")
    few, some, many = drawn
    assert few["alpha"] > some["alpha"] > many["alpha"]
    assert few["s"] > some["s"] == many["s"]


def test_the_title_has_the_share_of_the_variance(monkeypatch, tmp_path):
    titles = []
    monkeypatch.setattr(Axes, "set_title", lambda self, text, **_: titles.append(text))
    means = np.diag([3.0, 2.0, 1.0, 1.0])[[0, 0, 1, 1, 2, 2, 3, 3]] * np.tile([[1], [-1]], (4, 1))
    maps.save_latent_map(tmp_path / "m.png", means, None, "z")
    assert titles == ["z\n87% of the variance is on this plane"]  # 13 of 15
