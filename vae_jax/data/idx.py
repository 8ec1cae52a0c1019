"""The four idx files that MNIST and its relatives are published as.

An idx file is a big-endian header (two zero bytes, the type, the number of axes, then one uint32
per axis) and the values. Hashes here are of the *content*: an archive may be recompressed.
"""

import gzip
import hashlib
import io
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.dataset import Dataset, Split

MOST_BYTES = 2**28  # of a file, packed or not; the largest published is of 47 million
_UINT8 = 0x08


class IdxFile(NamedTuple):
    """One file: its name without `.gz`, and the sha256 of its uncompressed content."""

    name: str
    sha256: str


class Source(NamedTuple):
    """Where a data set comes from: a mirror, and (images, labels) for each split."""

    name: str
    base_url: str
    train: tuple[IdxFile, IdxFile]
    test: tuple[IdxFile, IdxFile]

    @property
    def files(self) -> tuple[IdxFile, ...]:
        """The four files."""
        return self.train + self.test


def source(name: str, base_url: str, sha256: tuple[str, str, str, str]) -> Source:
    """A source with the usual file names; hashes of train images, labels, test images, labels."""
    names = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in _KINDS]
    files = [IdxFile(*pair) for pair in zip(names, sha256, strict=True)]
    return Source(name, base_url, (files[0], files[1]), (files[2], files[3]))


_KINDS = ("images-idx3", "labels-idx1")

SOURCES = {
    "mnist": source(
        "mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    "fashion_mnist": source(
        "fashion_mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}


def check_sha256(content: bytes, expected: str, what: str, remedy: str) -> None:
    """Raise ValueError, with the two hashes and the remedy, unless `content` has the hash."""
    got = hashlib.sha256(content).hexdigest()
    if got != expected:
        raise ValueError(
            f"{what} is not the published data: the sha256 of its content is {got}, expected"
            f" {expected}. {remedy}"
        )


def gunzip(content: bytes, what: str, remedy: str) -> bytes:
    """The uncompressed content; ValueError where it is damaged, no gzip archive, or huge."""
    try:
        with gzip.open(io.BytesIO(content)) as file:
            unpacked = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{what} is damaged, or no gzip archive ({error}). {remedy}") from error
    if len(unpacked) > MOST_BYTES:
        raise ValueError(f"{what} unpacks to more than {MOST_BYTES:,} bytes. {remedy}")
    return unpacked


def find(file: IdxFile, folder: Path) -> Path | None:
    """The file in the folder, plain or as `.gz`; None where there is neither."""
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def missing(source: Source, folder: Path) -> list[str]:
    """Names of those of the four files that are not in the folder."""
    return [file.name for file in source.files if find(file, folder) is None]


def read_split(source: Source, split: str, folder: Path) -> Split:
    """Read and check the two files of a split.

    Args:
      source: what the files are and what they hash to.
      split: "train" or "test".
      folder: where they are, plain or as `.gz`.

    Returns:
      The split, uint8 [N, H, W, 1] and int32 [N], in the order of the files.

    Raises:
      FileNotFoundError: a file is not there.
      ValueError: a file is damaged, or is not the published one.
    """
    images, labels = (decode(read_content(file, folder, source)) for file in getattr(source, split))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{folder}: the {split} images have shape {images.shape} and the labels {labels.shape};"
            " one label is needed for each image [N, H, W]. Are the files of one data set?"
        )
    return Split(images[..., None], labels.astype(np.int32))


def read(source: Source, folder: Path) -> Dataset:
    """Both splits as they are, checked, without tensorflow-datasets; raises as `read_split`."""
    train, test = (read_split(source, split, folder) for split in ("train", "test"))
    return Dataset(source.name, train, None, test, max_value=255)


def read_content(file: IdxFile, folder: Path, source: Source) -> bytes:
    """The checked content of one file; raises as `read_split` does."""
    path = find(file, folder)
    if path is None:
        raise FileNotFoundError(f"{folder} holds neither {file.name} nor {file.name}.gz.")
    remedy = f"Remove it and run vae_jax.data.fetch({source.name!r}, {str(folder)!r})."
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gunzip(content, str(path), remedy)
    check_sha256(content, file.sha256, str(path), remedy)
    return content


def decode(content: bytes) -> np.ndarray:
    """The uint8 array of an idx file; ValueError where the content is none."""
    zeros, kind, rank = content[:2], content[2:3], content[3:4]
    if zeros != b"\0\0" or kind != bytes([_UINT8]) or not rank:
        raise ValueError(
            f"not an idx file of bytes: it begins with 0x{content[:4].hex()}; needed is"
            f" 0x0000{_UINT8:02x} and the number of axes. Was the right file unpacked?"
        )
    start = 4 + 4 * rank[0]
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4))
    values = content[start:]
    if len(content) < start or len(values) != math.prod(shape):
        raise ValueError(
            f"an idx file of shape {shape} needs {math.prod(shape)} values and has {len(values)}:"
            " it was cut short, or has something behind it. Fetch it anew."
        )
    return np.frombuffer(values, np.uint8).reshape(shape)


def encode(array: np.ndarray) -> bytes:
    """The content of the idx file of a uint8 array: the inverse of `decode`."""
    header = bytes([0, 0, _UINT8, array.ndim])
    return header + np.asarray(array.shape, ">u4").tobytes() + array.tobytes()
