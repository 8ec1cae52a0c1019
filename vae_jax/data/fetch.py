"""Downloads, only when asked for."""

import http.client
import urllib.request
from pathlib import Path

from vae_jax.data import idx
from vae_jax.data.paths import Given, path_of
from vae_jax.files import write

_TIMEOUT = 20.0  # seconds without an answer


def fetch(name: str, folder: Given, base_url: str | None = None) -> Path:
    """Download the four idx files of `mnist` or `fashion_mnist`, checking each.

    Files that are there and right are not downloaded again.

    Args:
      name: "mnist" or "fashion_mnist".
      folder: where to put them; made if need be.
      base_url: a mirror; the default is the one tensorflow-datasets uses.

    Returns:
      The folder, for `load(name, raw=folder)`.

    Raises:
      ValueError: no such data set; or what arrived, or what was there, is not the published file.
      ConnectionError: a file could not be downloaded.
    """
    if name not in idx.SOURCES:
        raise ValueError(f"fetch downloads {', '.join(idx.SOURCES)}, and was given {name!r}.")
    return fetch_source(idx.SOURCES[name], folder, base_url)


def fetch_source(source: idx.Source, folder: Given, base_url: str | None = None) -> Path:
    """`fetch`, of any source."""
    folder = path_of(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.files:
        if idx.find(file, folder) is None:
            _fetch_file(file, folder, base_url or source.base_url)
        else:
            idx.read_content(file, folder, source)
    return folder


def _fetch_file(file: idx.IdxFile, folder: Path, base_url: str) -> None:
    url = f"{base_url.rstrip('/')}/{file.name}.gz"
    archive = _download(url)
    remedy = "Try again, or pass another mirror as base_url."
    idx.check_sha256(idx.gunzip(archive, url, remedy), file.sha256, url, remedy)
    write(folder / f"{file.name}.gz", archive)


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
            content = answer.read(idx.MOST_BYTES + 1)
            declared = int(answer.headers.get("Content-Length") or 0)
        if len(content) < min(declared, idx.MOST_BYTES):
            raise http.client.IncompleteRead(content)
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"could not download {url} ({error}). Pass another mirror to vae_jax.data.fetch as"
            " base_url; or, without a network, copy the four idx .gz files to this machine and"
            " call load(name, raw=<their folder>)."
        ) from error
    if len(content) > idx.MOST_BYTES:
        raise ValueError(f"{url} sends more than {idx.MOST_BYTES:,} bytes: pass another mirror.")
    return content
