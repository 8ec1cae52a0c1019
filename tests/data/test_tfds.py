"""MNIST & co. through tensorflow-datasets: prepared, read, and never from the network."""

import json
import shutil
import socket
import sys

import numpy as np
import pytest
import tiny_idx

from vae_jax.data import load, prepared
from vae_jax.data.load import load_source


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test in this file may open a connection."""

    def refuse(*args):
        raise AssertionError(f"a connection to {args[1:]} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def raw(tmp_path):
    return tiny_idx.write(tmp_path / "raw")


def load_tiny(raw, data_dir, name="mnist", download=False):
    return load_source(tiny_idx.make_source(name), raw, data_dir=data_dir, download=download)


def assert_is_tiny(data):
    images, labels, test_images, test_labels = tiny_idx.arrays()
    np.testing.assert_array_equal(data.train.x[..., 0], images)
    np.testing.assert_array_equal(data.train.label, labels)
    np.testing.assert_array_equal(data.test.x[..., 0], test_images)
    np.testing.assert_array_equal(data.test.label, test_labels)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_prepared_from_raw_then_read_in_the_order_of_the_idx_files(name, raw, tmp_path, capfd):
    data_dir = tmp_path / "data"
    first = load_tiny(raw, data_dir, name)
    assert_is_tiny(first)
    assert first.train.x.shape == (50, 28, 28, 1)
    assert first.train.x.dtype == np.uint8
    assert first.train.label.dtype == np.int32
    assert (first.name, first.valid, first.max_value) == (name, None, 255)
    shutil.rmtree(raw)
    assert_is_tiny(load_tiny(None, data_dir, name))
    assert [path.name for path in data_dir.iterdir()] == [name]  # nothing half-made left behind
    assert [path.name for path in (data_dir / name).iterdir()] == ["3.0.1"]
    assert capfd.readouterr() == ("", "")
    assert "tensorflow" not in sys.modules


def test_plain_idx_files_do_as_well(tmp_path):
    raw = tiny_idx.write(tmp_path / "raw", compress=False)
    assert_is_tiny(load_tiny(raw, tmp_path / "data"))


def test_ordinary_tfds_reads_what_we_prepared(raw, tmp_path):
    import tensorflow_datasets as tfds

    load_tiny(raw, tmp_path)
    rows = tfds.data_source("mnist", data_dir=tmp_path, split="train", download=False)
    row = rows[7]
    np.testing.assert_array_equal(row["image"][..., 0], tiny_idx.arrays()[0][7])
    assert row["label"] == tiny_idx.arrays()[1][7]


def test_missing_data_is_said_at_once(tmp_path):
    message = (
        rf"no folder prepared as array_record in {tmp_path / 'mnist'}\. "
        r"Pass raw=.*or download=True to get them from https://storage"
    )
    with pytest.raises(FileNotFoundError, match=message):
        load("mnist", data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"lacks train-images-idx3-ubyte, train-labels"):
        load("fashion_mnist", tmp_path, data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_default_data_dir_is_that_of_tfds(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "elsewhere" / "mnist")):
        load("mnist")
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prepared.default_data_dir() == tmp_path / "tensorflow_datasets"


def test_download_is_prepared_too(raw, tmp_path, monkeypatch):
    asked = []

    def fetch_source(source, folder):
        asked.append(folder)
        return tiny_idx.write(folder)

    monkeypatch.setattr(sys.modules["vae_jax.data.load"], "fetch_source", fetch_source)
    assert_is_tiny(load_tiny(None, tmp_path / "data", download=True))
    assert asked == [tmp_path / "data" / "downloads" / "mnist"]
    assert_is_tiny(load_tiny(None, tmp_path / "data", download=True))  # prepared: not asked again
    assert_is_tiny(load_tiny(raw, tmp_path / "other", download=True))  # raw files: not asked
    assert len(asked) == 1


def test_wrong_file_is_named_with_its_hash(raw, tmp_path):
    shutil.copy(raw / "t10k-labels-idx1-ubyte.gz", raw / "train-labels-idx1-ubyte.gz")
    message = r"train-labels-idx1-ubyte.gz is not.*sha256.*is \w{64}, expected \w{64}.*Remove it"
    with pytest.raises(ValueError, match=message):
        load_tiny(raw, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_damaged_archive(raw, tmp_path):
    path = raw / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.gz is damaged.*fetch\('mnist'"):
        load_tiny(raw, tmp_path / "data")


def test_an_interrupted_preparation_does_not_count(raw, tmp_path, monkeypatch):
    data_dir, real_png, made = tmp_path / "data", prepared._png, []

    def interrupted(image):
        made.append(image)
        if len(made) == 60:  # in the second split, when the first is written
            raise KeyboardInterrupt
        return real_png(image)

    monkeypatch.setattr(prepared, "_png", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_tiny(raw, data_dir)
    assert list(data_dir.iterdir()) == []
    monkeypatch.setattr(prepared, "_png", real_png)
    assert_is_tiny(load_tiny(raw, data_dir))


def test_what_a_killed_process_leaves_does_not_count(raw, tmp_path):
    source = tiny_idx.make_source()
    good = prepared.prepare(source, raw, tmp_path / "good")
    data_dir = tmp_path / "data"
    shutil.copytree(good, data_dir / ".preparing-abc" / "mnist" / "3.0.1")  # ours
    shutil.copytree(good, data_dir / "mnist" / "incomplete.ABCDEF_3.0.1")  # that of TFDS
    assert prepared.find_prepared("mnist", data_dir) is None
    assert_is_tiny(load_tiny(raw, data_dir))


def make_tfrecord_folder(data_dir):
    folder = data_dir / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    info = {"name": "mnist", "version": "3.0.1", "fileFormat": "tfrecord"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    (folder / "mnist-train.tfrecord-00000-of-00001").write_bytes(b"records")
    return folder


def test_a_tfrecord_folder_is_left_as_it_is(raw, tmp_path):
    folder = make_tfrecord_folder(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileNotFoundError, match="a format that only TensorFlow reads"):
        load("mnist", data_dir=tmp_path)
    assert_is_tiny(load_tiny(raw, tmp_path))
    assert_is_tiny(load_tiny(None, tmp_path))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert prepared.find_prepared("mnist", tmp_path) == tmp_path / "array_record/mnist/3.0.1"


def test_both_places_taken(raw, tmp_path):
    make_tfrecord_folder(tmp_path)
    make_tfrecord_folder(tmp_path / "array_record")
    with pytest.raises(FileExistsError, match=r"array_record/mnist/3\.0\.1 exists and holds no"):
        load_tiny(raw, tmp_path)


def test_another_process_was_faster(raw, tmp_path, monkeypatch):
    data_dir, real_write = tmp_path / "data", prepared._write

    def overtaken(name, splits, scratch):
        made = real_write(name, splits, scratch)
        shutil.copytree(made, data_dir / "mnist" / "3.0.1")
        return made

    monkeypatch.setattr(prepared, "_write", overtaken)
    assert_is_tiny(load_tiny(raw, data_dir))
    assert [path.name for path in data_dir.iterdir()] == ["mnist"]


def test_a_folder_in_two_formats_is_read(raw, tmp_path):
    info = prepared.prepare(tiny_idx.make_source(), raw, tmp_path) / "dataset_info.json"
    fields = json.loads(info.read_text())
    fields |= {"fileFormat": "tfrecord", "alternativeFileFormats": ["array_record"]}
    info.write_text(json.dumps(fields))
    assert_is_tiny(load_tiny(None, tmp_path))


def test_the_newest_version_is_read(raw, tmp_path):
    made = prepared.prepare(tiny_idx.make_source(), raw, tmp_path)
    for version in ("3.0.9", "3.0.10"):
        shutil.copytree(made, made.parent / version)
    assert prepared.find_prepared("mnist", tmp_path).name == "3.0.10"


def test_an_official_folder_is_put_back_in_the_order_of_the_idx_files(raw, tmp_path):
    """The official builders shuffle the rows they write; only their reading of files is ours."""
    import tensorflow_datasets as tfds

    images, labels, test_images, test_labels = tiny_idx.arrays()

    class Official(tfds.builder_cls("mnist"), skip_registration=True):
        code_path = None

        def _split_generators(self, dl_manager):
            return {
                "train": self._rows(images, labels),
                "test": self._rows(test_images, test_labels),
            }

        def _rows(self, x, y):
            for row in range(len(x)):
                yield row, {"image": prepared._png(x[row]), "label": int(y[row])}

    Official.name = "mnist"
    builder = Official(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare()
    written = [row["label"] for row in builder.as_data_source("train")]
    assert written != labels.tolist()
    assert sorted(written) == sorted(labels.tolist())
    assert_is_tiny(load_tiny(None, tmp_path))


def test_prepared_rows_are_checked(raw, tmp_path):
    made = prepared.prepare(tiny_idx.make_source(), raw, tmp_path)
    with pytest.raises(ValueError, match=rf"train split in {made} \(train-images.*Remove the fold"):
        load("mnist", data_dir=tmp_path)  # the tiny set is not the published one


def test_real_mnist(tmp_path):
    data = load("mnist", tiny_idx.real("mnist"), data_dir=tmp_path)
    assert data.train.x.shape == (60_000, 28, 28, 1)
    assert data.test.x.shape == (10_000, 28, 28, 1)
    assert data.train.label[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.test.label[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.train.x.mean() == pytest.approx(33.318421, abs=1e-6)
    assert np.bincount(data.train.label).tolist()[:3] == [5923, 6742, 5958]
