"""Prepared folders that name other classes, or whose descriptions are damaged: nothing is run."""

import json
import sys

import pytest
import tiny_tfds

from vae_jax.data import read_tfds


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    return root, tiny_tfds.prepare(root, {"train": tiny_tfds.images(2)})


@pytest.fixture
def folder(made, tmp_path):
    """A copy that may be spoilt."""
    copied = tmp_path / "tiny_set" / "1.2.3"
    copied.parent.mkdir()
    copied.symlink_to(tmp_path / "1.2.3")
    (tmp_path / "1.2.3").mkdir()
    for path in made[1].iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    return copied


@pytest.fixture
def trap(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("import sys\nsys.sprung = True\nclass Trap: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    assert not hasattr(sys, "sprung")


def inside(text):
    """A feature within another one's texts, as older folders have them."""
    return {"pythonClassName": "tensorflow_datasets.core.features.text_feature.Text", **text}


TRAP = {"pythonClassName": "trap.Trap", "text": {}}
LEGACY = {"type": "trap.Trap", "content": {}}
HIDDEN = [
    TRAP,
    {"python_class_name": "trap.Trap", "text": {}},
    LEGACY,
    inside({"jsonFeature": {"json": json.dumps(LEGACY)}}),
    inside({"jsonFeature": {"json": json.dumps({"a": LEGACY})}}),
    {"type": "tensorflow_datasets.core.features.text_feature.Text", "content": json.dumps(TRAP)},
    {"type": "tensorflow_datasets.core.features.os.Trap", "content": {}},
]


@pytest.mark.parametrize("feature", HIDDEN)
def test_no_class_of_others_is_imported(feature, folder, trap, tmp_path):
    path = folder / "features.json"
    content = json.loads(path.read_text())
    content["featuresDict"]["features"]["title"] = feature
    path.write_text(json.dumps(content))
    message = r"features\.json names .*Trap, which is no feature of tensorflow-datasets itself"
    with pytest.raises(ValueError, match=message):
        read_tfds("tiny_set", "train", tmp_path)


def test_a_feature_called_type_is_none_of_these(folder, tmp_path):
    path = folder / "features.json"
    content = json.loads(path.read_text())
    features = content["featuresDict"]["features"]
    features["type"] = features.pop("title")
    path.write_text(json.dumps(content))
    assert len(read_tfds("tiny_set", "train", tmp_path).x) == 2


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, "\0", '{"a": 1}'])
def test_a_damaged_description_names_itself(name, content, folder, tmp_path):
    (folder / name).write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=rf"{name}|format that only"):
        read_tfds("tiny_set", "train", tmp_path)


def test_an_unfinished_folder(folder, tmp_path):
    (folder / "features.json").unlink()
    with pytest.raises(ValueError, match=r"1\.2\.3 has no features\.json: it is unfinished"):
        read_tfds("tiny_set", "train", tmp_path)
