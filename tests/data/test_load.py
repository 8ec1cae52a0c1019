"""load: by name, digits, static_mnist, idx files, downloads."""

import builtins
import subprocess
import sys

import numpy as np
import pytest
import tiny_idx

from vae_jax.data import idx, load


def test_import_loads_no_data_library():
    heavy = "'tensorflow_datasets', 'sklearn', 'PIL', 'matplotlib', 'tensorflow'"
    code = f"import sys, vae_jax.data; print([m for m in ({heavy}) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_name():
    message = (
        r"no data set 'mnits'\. Did you mean 'mnist'\? The names are digits, mnist, "
        r"fashion_mnist, static_mnist"
    )
    with pytest.raises(ValueError, match=message):
        load("mnits")
    with pytest.raises(ValueError, match=r"no data set 'xyz'\. The names are digits"):
        load("xyz")


def test_digits():
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    data = load("digits")
    assert data.name == "digits"
    assert data.max_value == 16
    assert data.valid is None
    assert data.train.x.shape == (1437, 8, 8, 1)
    assert data.test.x.shape == (360, 8, 8, 1)
    assert data.train.x.dtype == np.uint8
    assert data.train.label.dtype == np.int32
    bunch = sklearn_datasets.load_digits()
    order = np.random.default_rng(0).permutation(1797)
    x = np.concatenate([data.train.x, data.test.x])[..., 0]
    label = np.concatenate([data.train.label, data.test.label])
    np.testing.assert_array_equal(x, bunch.images[order])
    np.testing.assert_array_equal(label, bunch.target[order])
    assert set(data.test.label) == set(range(10))


def test_digits_without_scikit_learn(monkeypatch):
    imported = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"needs scikit-learn, .*pip install '\.\[experiments\]'"):
        load("digits")


def test_static_mnist():
    data = load("static_mnist", tiny_idx.real("static_mnist"))
    splits = (data.train, data.valid, data.test)
    assert [len(split.x) for split in splits] == [50_000, 10_000, 10_000]
    assert data.max_value == 1
    for split in splits:
        assert split.label is None
        assert split.x.shape[1:] == (28, 28, 1)
        assert split.x.dtype == np.uint8
        assert set(np.unique(split.x)) == {0, 1}
    # An image stands upright: ink is in the middle, none in the corner.
    assert data.train.x[:, 10:18, 10:18].mean() > 0.3
    assert data.train.x[:, :2, :2].sum() == 0


def test_static_mnist_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no raw folder was given"):
        load("static_mnist", download=True)
    with pytest.raises(FileNotFoundError, match="does not hold it"):
        load("static_mnist", tmp_path)
    (tmp_path / "binarized_mnist_packbits.npz").write_bytes(b"not this")
    with pytest.raises(ValueError, match=r"sha256 of its content is \w{64}, expected 50de2c8"):
        load("static_mnist", tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_idx_files_are_the_published_ones(name):
    train = idx.read_split(idx.SOURCES[name], "train", tiny_idx.real(name))
    test = idx.read_split(idx.SOURCES[name], "test", tiny_idx.real(name))
    assert train.x.shape == (60_000, 28, 28, 1)
    assert test.x.shape == (10_000, 28, 28, 1)
    expected = {
        "mnist": ([5, 0, 4, 1, 9], [7, 2, 1, 0, 4]),
        "fashion_mnist": ([9, 0, 0, 3, 0], [9, 2, 1, 1, 6]),
    }
    assert (train.label[:5].tolist(), test.label[:5].tolist()) == expected[name]


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5), (0, 2)])
def test_idx_round_trip(shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.testing.assert_array_equal(idx.decode(idx.encode(array)), array)


def test_idx_layout_is_the_published_one():
    content = bytes.fromhex("000008020000000200000003010203040506")
    assert idx.decode(content).tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("content", [b"", b"\0\0\x08", b"\x1f\x8b\x08\x01", b"\0\0\x0d\x01aaaa"])
def test_idx_refuses_other_files(content):
    with pytest.raises(ValueError, match="not an idx file of bytes"):
        idx.decode(content)


@pytest.mark.parametrize("cut", [5, 9, -1])
def test_idx_refuses_files_cut_short(cut):
    content = idx.encode(np.ones((2, 3), np.uint8))
    with pytest.raises(ValueError, match="cut short"):
        idx.decode(content[:cut])
    with pytest.raises(ValueError, match="something behind it"):
        idx.decode(content + b"\0")


def test_images_and_labels_of_unequal_length_are_refused(tmp_path):
    source = tiny_idx.make_source()
    tiny_idx.write(tmp_path)
    mixed = source._replace(train=(source.train[0], source.test[1]))
    with pytest.raises(ValueError, match="one label is needed for each image"):
        idx.read_split(mixed, "train", tmp_path)
