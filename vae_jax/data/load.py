"""Data sets by name."""

import difflib
import io
from pathlib import Path

import numpy as np

from vae_jax.data import idx, prepared
from vae_jax.data.dataset import Dataset, Split
from vae_jax.data.fetch import fetch_source
from vae_jax.data.paths import Given, path_of
from vae_jax.extras import lacking

NAMES = ("digits", "mnist", "fashion_mnist", "static_mnist")

_DIGITS_TRAIN = 1437  # four fifths of 1,797
_STATIC_FILE = "binarized_mnist_packbits.npz"
_STATIC_SHA256 = "50de2c8299a5a297789293ab2c30f6fc3cb8c359a15e5e88d5501aa18ebb8fa5"


def load(
    name: str, raw: Given | None = None, *, data_dir: Given | None = None, download: bool = False
) -> Dataset:
    """Load a data set into memory, as integers.

    * `digits`: 1,797 images 8x8 with intensities 0 .. 16, which come with scikit-learn. 1,437 to
      train and 360 to test: the first and the last of `np.random.default_rng(0).permutation(1797)`.
    * `mnist`, `fashion_mnist`: 60,000 and 10,000 images 28x28, 0 .. 255. Taken from a folder that
      tensorflow-datasets has prepared in `data_dir` as array_record; else prepared there, once,
      from the four idx files in `raw`; else, with `download=True`, from a download. The network is
      not touched otherwise. Rows stand in the order of the idx files, and are checked against the
      published hashes.
    * `static_mnist`: the fixed binarisation of MNIST that Larochelle published, 50,000 / 10,000 /
      10,000 images of 0 and 1 without labels, from `binarized_mnist_packbits.npz` in `raw`.
      Reference: Larochelle and Murray 2011, The neural autoregressive distribution estimator.

    Args:
      name: one of the above.
      raw: folder of the raw files; not used by `digits`.
      data_dir: tensorflow-datasets' folder, a local one; None means its default, $TFDS_DATA_DIR or
        ~/tensorflow_datasets. Used by `mnist` and `fashion_mnist`.
      download: whether `mnist` and `fashion_mnist` may be downloaded (into `data_dir`).

    Returns:
      A Dataset: splits with x uint8 [N, H, W, 1], label int32 [N] or None.

    Raises:
      ValueError: there is no such data set, or a file is not the published one.
      FileNotFoundError: the data is not on this machine; the message says where it was looked for.
      ConnectionError: the download failed.
      ImportError: `digits` without scikit-learn.
    """
    raw = None if raw is None else path_of(raw)
    if name in idx.SOURCES:
        folder = prepared.data_root(data_dir)
        return load_source(idx.SOURCES[name], raw, data_dir=folder, download=download)
    if name == "digits":
        return _load_digits()
    if name == "static_mnist":
        return _load_static_mnist(raw)
    close = difflib.get_close_matches(name, NAMES, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"there is no data set {name!r}.{hint} The names are {', '.join(NAMES)}.")


def load_source(source: idx.Source, raw: Path | None, *, data_dir: Path, download: bool) -> Dataset:
    """`load` of a data set that is published as idx files."""
    folder = prepared.find_prepared(source.name, data_dir)
    if folder is None:
        raw = _raw_folder(source, raw, data_dir, download)
        folder = prepared.prepare(source, raw, data_dir)
    splits = prepared.read_prepared(source, folder)
    return Dataset(source.name, splits["train"], None, splits["test"], max_value=255)


def _raw_folder(source: idx.Source, raw: Path | None, data_dir: Path, download: bool) -> Path:
    if raw is not None and not idx.missing(source, raw):
        return raw
    if download:
        return fetch_source(source, data_dir / "downloads" / source.name)
    looked = f"no folder prepared as array_record in {data_dir / source.name}"
    if any((data_dir / source.name).glob("*/dataset_info.json")):
        looked += " (what is there is in a format that only TensorFlow reads)"
    if raw is not None:
        looked += f", and {raw} lacks {', '.join(idx.missing(source, raw))}"
    raise FileNotFoundError(
        f"{source.name} is not on this machine: there is {looked}. Pass raw=<folder with the four"
        f" idx files, plain or .gz>, or download=True to get them from {source.base_url}"
    )


def _load_digits() -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise lacking("The data set digits", "scikit-learn", "experiments") from error
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.images))
    x, label = bunch.images[order].astype(np.uint8)[..., None], bunch.target[order].astype(np.int32)
    train = Split(x[:_DIGITS_TRAIN], label[:_DIGITS_TRAIN])
    test = Split(x[_DIGITS_TRAIN:], label[_DIGITS_TRAIN:])
    return Dataset("digits", train, None, test, max_value=16)


def _load_static_mnist(raw: Path | None) -> Dataset:
    if raw is None or not (raw / _STATIC_FILE).is_file():
        given = "no raw folder was given" if raw is None else f"{raw} does not hold it"
        raise FileNotFoundError(
            f"static_mnist is read from {_STATIC_FILE}, and {given}. Pass raw=<its folder>; it is"
            " not downloaded, and drawing your own binarisation is another data set."
        )
    content = (raw / _STATIC_FILE).read_bytes()
    idx.check_sha256(content, _STATIC_SHA256, str(raw / _STATIC_FILE), "Get the file again.")
    with np.load(io.BytesIO(content)) as packed:
        train, valid, test = (_unpack(packed[split]) for split in ("train", "valid", "test"))
    return Dataset("static_mnist", train, valid, test, max_value=1)


def _unpack(packed: np.ndarray) -> Split:
    # 784 bits are 98 bytes; the cut removes the padding where rows were padded further.
    x = np.unpackbits(packed, axis=1)[:, :784]
    return Split(x.reshape(-1, 28, 28, 1), None)
