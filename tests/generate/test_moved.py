"""Traversals as they are shown: rows with names, and a mark on the example's own value."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from vae_jax import show
from vae_jax.moved import moved

RNG = np.random.default_rng(0)
VALUES = np.linspace(-2, 2, 5)
TWO = moved("z", [7, 0], np.array([0.6, 2.5]), VALUES)


def test_rows_are_named_and_the_nearest_value_is_marked():
    assert TWO.rows == ["z[7] = 0.60", "z[0] = 2.50"]
    assert TWO.columns == ["-2", "-1", "0", "1", "2"]
    assert TWO.marked == [3, None]  # 2.5 is beyond them all
    assert TWO.each[2:6] == ["z[7] = 0", "z[7] = 1*", "z[7] = 2", "z[0] = -2"]
    assert sum("*" in name for name in TWO.each) == 1


@pytest.fixture
def boxes(monkeypatch):
    """The boxes that are drawn: left, bottom, width, height of each."""
    found, add = [], Axes.add_patch

    def watched(self, patch):
        found.append(patch.get_bbox().bounds)
        return add(self, patch)

    monkeypatch.setattr(Axes, "add_patch", watched)
    return found


def test_a_box_is_around_the_marked_image_and_no_other(boxes, tmp_path):
    """Images 14x14 with a margin of 1: the fourth of the first row begins at pixel 46."""
    x = RNG.random((10, 14, 14, 1))
    assert show.images().moves(tmp_path / "t", x, TWO, "title") == tmp_path / "t.png"
    ((left, bottom, width, height),) = boxes
    assert 44 < left < 46 < 60 < left + width < 62
    assert bottom < 1 < 15 < bottom + height < 17
    with Image.open(tmp_path / "t.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), int)
    assert (np.abs(pixels - [0xD9, 0x74, 0x2B]).max(axis=-1) < 10).sum() > 100


def test_a_box_is_around_the_marked_series_and_no_other(boxes, tmp_path):
    restored = show.series(lambda x: x)
    assert restored.moves(tmp_path / "t", RNG.normal(size=(10, 6, 2)), TWO, "title").exists()
    assert [bounds[:2] for bounds in boxes] == [(3, 0)]


@pytest.mark.parametrize(
    "shown", [show.numbers(), show.table(["a", "b"], lambda x: (x, [["1", "2"]] * len(x)))]
)
def test_rows_of_numbers_have_names(shown, monkeypatch, tmp_path):
    named, ticks = [], Axes.set_yticks

    def watched(self, places, labels=None, **style):
        named.append(labels)
        return ticks(self, places, labels, **style)

    monkeypatch.setattr(Axes, "set_yticks", watched)
    assert shown.moves(tmp_path / "t", RNG.normal(size=(10, 2)), TWO, "title").exists()
    assert named[0] == TWO.each


def test_text_has_the_value_before_each_line(tmp_path):
    shown = show.text(lambda x: "ab"[int(x)] * 2)
    lines = shown.moves(tmp_path / "t", np.arange(10) % 2, TWO, "title").read_text().splitlines()
    assert lines[0] == "title (*: nearest to its own value)"
    assert lines[4:6] == ["z[7] = 1*  bb", "z[7] = 2   aa"]


def test_pairs_of_text_stand_apart(tmp_path):
    shown = show.text(lambda x: "ab"[int(x)])
    made = shown.pairs(tmp_path / "t", np.array([0, 0]), np.array([1, 0]), "title").read_text()
    assert made == "a\nb\n\na\na\n\n"
