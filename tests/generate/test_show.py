"""How many of the examples a picture has, of each kind, and that its title says it."""

import numpy as np
import pytest

from vae_jax import panels, plots, show
from vae_jax.moved import moved

TABLE = ("a", "b")
KINDS = {
    "images": (show.images(), (2, 2, 1), plots, "save_images", 400),
    "numbers": (show.numbers(), (2,), plots, "save_values", 100),
    "table": (show.table(TABLE, lambda x: (x, [])), (2,), panels, "save_table", 40),
    "series": (show.series(np.asarray), (3, 1), panels, "save_series", 40),
}


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    """What shows, examples of its shape, how many it draws, and what it has drawn: (x, titles)."""
    shown, shape, module, name, most = KINDS[request.param]
    drawn = []

    def save(path, x, *given, **options):
        drawn.append((len(x), next(text for text in given if isinstance(text, str))))

    monkeypatch.setattr(module, name, save)
    return shown, lambda size: np.zeros((size, *shape), np.float32), most, drawn


def test_the_first_are_drawn_and_the_title_says_so(kind, tmp_path):
    shown, examples, most, drawn = kind
    shown.examples(tmp_path / "a", examples(most), 10, "title")
    shown.examples(tmp_path / "a", examples(1234), 10, "title")
    assert drawn == [(most, "title"), (most, f"title; the first {most} of 1,234")]


def test_of_pairs_both_are_drawn(kind, tmp_path):
    shown, examples, _, drawn = kind
    shown.pairs(tmp_path / "a", examples(999), examples(999), "title")
    ((size, title),) = drawn
    pairs = int(title.removeprefix("title; the first ").removesuffix(" of 999"))
    assert size in (pairs, 2 * pairs)
    assert pairs in (20, 40, 50, 160)


def test_a_traversal_is_drawn_whole(kind, tmp_path):
    shown, examples, _, drawn = kind
    values = np.linspace(-1, 1, 11)
    named = moved("z", list(range(50)), np.zeros(50), values)
    shown.moves(tmp_path / "a", examples(550), named, "title")
    assert drawn[0][0] == 550
    assert "the first" not in drawn[0][1]


def test_all_of_a_text_is_written(tmp_path):
    spelt = show.text(lambda x: "ab"[int(x[0])]).examples(
        tmp_path / "a", np.zeros((1234, 1), int), 10, ""
    )
    assert spelt.read_text() == "a\n" * 1234
