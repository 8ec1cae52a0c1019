"""Pictures: the pixels of a grid, and files that can be read."""

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from vae_jax import maps, panels, plots

RNG = np.random.default_rng(0)


def test_a_grid_pixel_by_pixel():
    """Three images 1x2 in two columns: grey is ink on paper, one pixel of margin all round."""
    images = np.array([[0.0, 0.25], [1.0, 0.5], [2.0, -1.0]]).reshape(3, 1, 2, 1)
    expected = [
        [1, 1, 1, 1, 1, 1, 1],
        [1, 1, 0.75, 1, 0, 0.5, 1],
        [1, 1, 1, 1, 1, 1, 1],
        [1, 0, 1, 1, 1, 1, 1],  # clipped to [0, 1], and an empty place
        [1, 1, 1, 1, 1, 1, 1],
    ]
    np.testing.assert_array_equal(plots.grid(images, columns=2)[..., 0], expected)


def test_colours_stay_as_they_are():
    image = RNG.random((1, 2, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(plots.grid(image, columns=1)[1:3, 1:3], image[0])


@pytest.fixture
def drawn(monkeypatch):
    """The canvas that `save_images` is about to draw."""
    canvases, show = [], plots._show

    def watched(axes, canvas, title):
        canvases.append(canvas)
        show(axes, canvas, title)

    monkeypatch.setattr(plots, "_show", watched)
    return canvases


@pytest.mark.parametrize("number", [1, 8, 11, 16])
def test_every_reconstruction_is_under_its_input(tmp_path, drawn, number):
    """Images of one pixel: x_n = n / 20, and its reconstruction x_n + 0.01."""
    x = (np.arange(number) / 20).reshape(number, 1, 1, 1).astype(np.float32)
    plots.save_reconstructions(tmp_path / "r.png", x, x + 0.01, "title")
    pixels = 1 - drawn[0][1::2, 1::2, 0]  # without the margins, and as they were
    rows, columns = -(-number // 8), min(8, number)
    assert pixels.shape == (2 * rows, columns)
    inputs, made = pixels[0::2].ravel(), pixels[1::2].ravel()
    np.testing.assert_allclose(inputs[:number], x.ravel(), atol=1e-6)
    np.testing.assert_allclose(made[:number], x.ravel() + 0.01, atol=1e-6)
    np.testing.assert_array_equal(inputs[number:], 0)  # white paper
    assert_picture(tmp_path / "r.png")


def assert_picture(path):
    with Image.open(path) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert all(200 < pixels < 3000 for pixels in picture.size)
        assert len(picture.convert("L").getcolors()) > 1  # something is drawn


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
def test_images(tmp_path, channels):
    plots.save_images(tmp_path / "i.png", RNG.random((7, 4, 5, channels)), 3, "title")
    assert_picture(tmp_path / "i.png")


def test_channels_that_are_no_colours_are_panels():
    """Two images 1x2 of two channels in a row, the channels of each with a white line between."""
    images = np.array([[[0.0, 1.0], [0.25, 0.75]], [[0.5, 0.5], [1.0, 0.0]]])[:, None]
    paper = [1] * 13
    row = [1, 0, 0.25, 1, 1, 0.75, 1, 0.5, 1, 1, 0.5, 0, 1]
    np.testing.assert_array_equal(plots.grid(images, 2, ink=False)[..., 0], [paper, row, paper])
    ink = [1, 1, 0.75, 1, 0, 0.25, 1, 0.5, 0, 1, 0.5, 1, 1]
    np.testing.assert_array_equal(plots.grid(images, 2)[..., 0], [paper, ink, paper])


def test_grey_images_as_they_are():
    image = RNG.random((1, 2, 2, 1)).astype(np.float32)
    np.testing.assert_array_equal(plots.grid(image, columns=1, ink=False)[1:3, 1:3], image[0])


@pytest.mark.parametrize("names", [("bound",), ("bound", "distortion", "rate")])
def test_curves(tmp_path, names):
    train = [{"epoch": e, "seconds": 1.0, **dict.fromkeys(names, -1.0 / e)} for e in (1, 2, 3)]
    test = [{"epoch": 3, "elbo": -0.4, "distortion": 0.3, "rate": 0.1}]
    plots.save_curves(tmp_path / "c.png", train, test)
    assert_picture(tmp_path / "c.png")


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    made, figure = [], plots.figures.new

    def watched(*size, **named):
        made.append(figure(*size, **named))
        return made[-1]

    monkeypatch.setattr(plots.figures, "new", watched)
    return made


def test_names_are_words_and_not_formulas(tmp_path, figures):
    """A text column may hold prices, a folder any name: two dollars are no mathematics."""
    price, values = r"$5 or \frac$", np.eye(2)
    plots.save_values(tmp_path / "v.png", values, price, [price, "b"])
    panels.save_table(tmp_path / "t.png", np.eye(1), [[price]], [price], price)
    maps.save_latent_map(tmp_path / "m.png", RNG.normal(size=(8, 2)), np.arange(8) % 2, price)
    written = [text for figure in figures for text in figure.findobj(Text)]
    assert sum(price in text.get_text() for text in written) >= 5
    assert not any(text.get_parse_math() for text in written if "$" in text.get_text())


def blue_pixels(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"), int)
    return (np.abs(pixels - [0x2F, 0x6D, 0xB3]).max(axis=-1) < 10).sum()


def test_the_curve_of_one_epoch_is_a_point(tmp_path, figures):
    """Without its legend, in which a line of no length would be seen too."""
    train = [{"epoch": e, "bound": -1.0 / e} for e in (1, 2, 3)]
    test = [{"epoch": 1, "elbo": -0.4}]
    for rows in (train[:1], train):
        plots.save_curves(tmp_path / f"{len(rows)}.png", rows, test)
    one, three = (figure.axes[0].lines[0] for figure in figures)
    assert (one.get_marker(), three.get_marker()) == ("o", "None")
    np.testing.assert_array_equal(one.get_xydata(), [[1, -1]])
    legend = figures[0].axes[0].get_legend()
    legend.set_visible(False)
    figures[0].savefig(tmp_path / "bare.png")
    assert blue_pixels(tmp_path / "bare.png") > 5
    one.set_marker("None")
    figures[0].savefig(tmp_path / "bare.png")
    assert blue_pixels(tmp_path / "bare.png") == 0
