"""Any prepared image set: read without TensorFlow and without a network."""

import json
import shutil
import socket
import sys

import numpy as np
import pytest
import tiny_tfds

from vae_jax.data import read_tfds


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test in this file may open a connection."""

    def refuse(*args):
        raise AssertionError(f"a connection to {args[1:]} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 1)])
def test_a_split_is_read(shape, tmp_path):
    train, test = tiny_tfds.images(7, shape), tiny_tfds.images(3, shape, seed=1)
    tiny_tfds.prepare(tmp_path, {"train": train, "test": test})
    for split, x in (("train", train), ("test", test)):
        read = read_tfds("tiny_set", split, tmp_path)
        np.testing.assert_array_equal(read.x, x)
        assert read.x.dtype == np.uint8
        assert read.label.tolist() == list(range(len(x)))
        assert read.label.dtype == np.int32
    assert "tensorflow" not in sys.modules


@pytest.mark.parametrize("label", [0, 2])
def test_without_classes(label, tmp_path):
    x = tiny_tfds.images(2)
    tiny_tfds.prepare(tmp_path, {"train": x}, label=label)
    read = read_tfds("tiny_set", "train", str(tmp_path))
    np.testing.assert_array_equal(read.x, x)
    assert read.label is None


def test_a_config_is_part_of_the_name(tmp_path):
    made = tiny_tfds.prepare(tmp_path / "elsewhere", {"train": tiny_tfds.images(2)})
    shutil.copytree(made, tmp_path / "data" / "tiny_set" / "small" / "1.2.3")
    assert len(read_tfds("tiny_set/small", "train", tmp_path / "data").x) == 2


def test_the_default_folder_is_that_of_tfds(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
    message = (
        rf"tiny_set is not on this machine: .* in {tmp_path}/elsewhere/tiny_set or "
        rf"{tmp_path}/elsewhere/array_record/tiny_set\. Prepare it.*build tiny_set.*data_dir"
    )
    with pytest.raises(FileNotFoundError, match=message):
        read_tfds("tiny_set", "train")
    assert list(tmp_path.iterdir()) == []


def test_another_format_is_said_with_its_conversion(tmp_path):
    folder = tiny_tfds.prepare(tmp_path, {"train": tiny_tfds.images(2)})
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
    message = (
        rf"{folder} is in a format that only TensorFlow reads.*tfds convert_format"
        rf" --dataset_version_dir={folder} --out_file_format=array_record"
    )
    with pytest.raises(FileNotFoundError, match=message):
        read_tfds("tiny_set", "train", tmp_path)


def test_what_is_not_there_is_listed(tmp_path):
    tiny_tfds.prepare(tmp_path, {"train": tiny_tfds.images(2), "test": tiny_tfds.images(2)})
    with pytest.raises(ValueError, match=r"tiny_set has no split 'valid'; it has .*train"):
        read_tfds("tiny_set", "valid", tmp_path)
    tiny_tfds.prepare(tmp_path, {"train": tiny_tfds.images(2)}, image="scan", name="scans")
    with pytest.raises(ValueError, match=r'scans has the features .*scan.*images named "image"'):
        read_tfds("scans", "train", tmp_path)


def test_mixed_sizes_are_refused(tmp_path):
    mixed = [*tiny_tfds.images(2), tiny_tfds.images(1, (6, 5, 3))[0]]
    tiny_tfds.prepare(tmp_path, {"train": mixed})
    message = r"tiny_set, train, row 2 is 6x5 with 3 channels, and tiny_set, train, row 0 is 4x5"
    with pytest.raises(ValueError, match=message):
        read_tfds("tiny_set", "train", tmp_path)
