"""load: by name, digits, static_mnist, idx files, downloads."""

import builtins
import functools
import gzip
import http.server
import subprocess
import sys
import threading

import numpy as np
import pytest
import tiny_idx

from vae_jax.data import fetch, idx, load
from vae_jax.data.fetch import fetch_source


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


class Mirror:
    """A local mirror: a folder over http, with the requests it got."""

    def __init__(self, folder):
        self.requests = requests = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *args):
                requests.append(self.path)

        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    served = Mirror(tiny_idx.write(tmp_path / "mirror"))
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def test_fetch_gets_the_four_files_once(mirror, tmp_path):
    source = tiny_idx.make_source()
    folder = fetch_source(source, tmp_path / "raw", mirror.url)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{file.name}.gz" for file in source.files
    )
    images, labels = tiny_idx.arrays()[:2]
    split = idx.read_split(source, "train", folder)
    np.testing.assert_array_equal(split.x[..., 0], images)
    np.testing.assert_array_equal(split.label, labels)
    assert len(mirror.requests) == 4
    fetch_source(source, folder, mirror.url)
    assert len(mirror.requests) == 4


def test_fetch_says_which_file_is_not_there(mirror, tmp_path):
    (tmp_path / "mirror" / "t10k-images-idx3-ubyte.gz").unlink()
    message = rf"could not download {mirror.url}t10k-images-idx3-ubyte.gz \(HTTP Error 404.*raw="
    with pytest.raises(ConnectionError, match=message):
        fetch_source(tiny_idx.make_source(), tmp_path / "raw", mirror.url)
    # What came before is kept, and nothing half-done.
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


def corrupt(content):
    return content[:-20]


def other(content):
    return gzip.compress(b"another file")


@pytest.mark.parametrize(("damage", "message"), [(corrupt, "damaged"), (other, "expected")])
def test_fetch_keeps_nothing_that_is_not_the_file(mirror, tmp_path, damage, message):
    served = tmp_path / "mirror" / "train-images-idx3-ubyte.gz"
    served.write_bytes(damage(served.read_bytes()))
    with pytest.raises(ValueError, match=rf"{mirror.url}train-images.*{message}.*Try again"):
        fetch_source(tiny_idx.make_source(), tmp_path / "raw", mirror.url)
    assert list((tmp_path / "raw").iterdir()) == []


def test_fetch_without_a_server(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:9/train-images.*base_url"):
        fetch("mnist", tmp_path, "http://127.0.0.1:9/")


def test_fetch_of_a_connection_cut_short(tmp_path, monkeypatch):
    class Cut(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")

        def log_message(self, *args):
            pass

    monkeypatch.setenv("no_proxy", "*")
    with http.server.HTTPServer(("127.0.0.1", 0), Cut) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ConnectionError, match=r"IncompleteRead"):
            fetch("mnist", tmp_path, f"http://127.0.0.1:{server.server_port}")
        thread.join()
    assert list(tmp_path.iterdir()) == []


def test_fetch_of_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="fetch downloads mnist, fashion_mnist"):
        fetch("digits", tmp_path)


def test_an_archive_that_unpacks_to_more_than_any_is_refused(monkeypatch):
    monkeypatch.setattr(idx, "MOST_BYTES", 1000)
    assert idx.gunzip(gzip.compress(bytes(1000)), "a", "b") == bytes(1000)
    with pytest.raises(ValueError, match=r"a\.gz unpacks to more than 1,000 bytes\. Get another"):
        idx.gunzip(gzip.compress(bytes(10**6)), "a.gz", "Get another.")


def test_a_mirror_that_sends_more_than_any_file_is_refused(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"train-images.*\.gz sends more than 1,000 bytes: pass"):
        fetch_source(tiny_idx.make_source(), tmp_path / "raw", mirror.url)
    assert not list((tmp_path / "raw").iterdir())
