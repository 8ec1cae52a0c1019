"""fetch: downloads from a mirror, checked, and no larger than they can be."""

import functools
import gzip
import http.server
import threading

import numpy as np
import pytest
import tiny_idx

from vae_jax.data import fetch, idx
from vae_jax.data.fetch import fetch_source


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
