"""Paths that name nothing."""

import pytest

from vae_jax import data

READERS = [
    data.read,
    data.read_images,
    data.read_array,
    data.open_images,
    data.open_array,
    lambda path: data.read_text(path, 4),
    lambda path: data.load("mnist", path),
    lambda path: data.fetch("mnist", path),
    lambda path: data.read_tfds("a", "train", path),
]


@pytest.mark.parametrize("reader", READERS)
def test_an_empty_path_is_not_the_folder_one_is_in(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='A path is empty, "": name a file or a folder'):
        reader("")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("reader", READERS)
def test_the_home_of_nobody(reader):
    with pytest.raises(ValueError, match=r"~nobody_here/x: there is no such user here"):
        reader("~nobody_here/x")


def test_a_home_is_written_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").write_text("abcd")
    assert data.read_text("~/a.txt", 2)[1] == "abcd"
