"""MNIST and its relatives through tensorflow-datasets, without TensorFlow.

TFDS keeps a data set as a *prepared folder*, `<data_dir>/<name>/<version>`, in one of several
formats. `array_record` needs no TensorFlow to be read; making it does in the official builders,
whose one use of TensorFlow (reading the raw files) is replaced here. TFDS never reaches for the
network: a builder is only made from a folder that exists, or with its bucket look-up turned off.
"""

import contextlib
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data import idx
from vae_jax.data.dataset import Split
from vae_jax.data.features import check_features, read_json
from vae_jax.data.paths import Given, path_of
from vae_jax.data.pixels import decode_image

FORMAT = "array_record"


def default_data_dir() -> Path:
    """Where TFDS keeps its data: $TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    return path_of(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def data_root(data_dir: Given | None) -> Path:
    """The given folder of TFDS, or its default."""
    return default_data_dir() if data_dir is None else path_of(data_dir)


def places(name: str, data_dir: Path) -> list[Path]:
    """Folders whose subfolders are looked at: the usual one, and the one aside (see `prepare`)."""
    return [data_dir / name, data_dir / FORMAT / name]


def find_prepared(name: str, data_dir: Path) -> Path | None:
    """The newest version of a data set prepared as array_record under `data_dir`, or None.

    Plain files are looked at, nothing is imported. Folders in other formats are passed over, and
    so are unfinished ones: a version folder gets its name once it is complete.
    """
    for place in places(name, data_dir):
        versions = [path for path in place.glob("*") if re.fullmatch(r"\d+\.\d+\.\d+", path.name)]
        for folder in sorted(versions, key=_version, reverse=True):
            if FORMAT in _formats(folder):
                return folder
    return None


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.name.split("."))


def _formats(folder: Path) -> list[str]:
    path = folder / "dataset_info.json"
    if not path.is_file():
        return []
    info = read_json(path)
    return [info.get("fileFormat", "tfrecord"), *info.get("alternativeFileFormats", [])]


def prepare(source: idx.Source, raw: Path, data_dir: Path) -> Path:
    """Prepare the four idx files as array_record. Some seconds for 70,000 images.

    The folder is made under another name and renamed when complete, so an interrupted preparation
    never counts as prepared. Where ordinary TFDS has prepared the same version in a format that
    only TensorFlow reads, that folder is left as it is and ours stands aside, in
    `<data_dir>/array_record/<name>/<version>`. Rows are in the order of the idx files.

    Args:
      source: what the files are and what they hash to.
      raw: where they are, plain or as `.gz`.
      data_dir: the TFDS folder to prepare into.

    Returns:
      The prepared folder.

    Raises:
      FileNotFoundError, ValueError: a raw file is missing, or is not the published one.
      FileExistsError: both places hold something else.
    """
    splits = {split: idx.read_split(source, split, raw) for split in ("train", "test")}
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preparing-", dir=data_dir) as scratch:
        made = _write(source.name, splits, Path(scratch))
        return _place(source.name, made, data_dir)


def _write(name: str, splits: dict[str, Split], scratch: Path) -> Path:
    import tensorflow_datasets as tfds

    builder = _builder_class(name, splits)(data_dir=scratch, file_format=FORMAT)
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    # TFDS prints that it downloads, and progress bars; a library prints nothing.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare(download_config=config)
    return Path(builder.data_dir)


def _place(name: str, made: Path, data_dir: Path) -> Path:
    for place in places(name, data_dir):
        target = place / made.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            return made.rename(target)
        except OSError:
            if not target.exists():
                raise
        # Taken: by a process that was faster, or by a folder that is left as it is.
        if (found := find_prepared(name, data_dir)) is not None:
            return found
    raise FileExistsError(
        f"{target} exists and holds no prepared {name}; move it away, or pass another data_dir."
    )


def _builder_class(name: str, splits: dict[str, Split]) -> Any:
    """The official builder, but for what asks TensorFlow or the network."""
    import tensorflow_datasets as tfds

    official: Any = tfds.builder_cls(name)

    class Info(tfds.core.DatasetInfo):
        def initialize_from_bucket(self) -> None:
            """Nothing: the official one may look on Google Cloud, which hangs offline."""

    class Builder(official, skip_registration=True):  # type: ignore[call-arg]
        code_path = None  # otherwise TFDS looks for checksum files beside this module

        def _info(self) -> Any:
            info = super()._info()
            kept = ("description", "features", "supervised_keys", "homepage", "citation")
            fields = {field: getattr(info, field) for field in kept}
            return Info(builder=self, disable_shuffling=True, **fields)

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {key: self._generate_examples(split) for key, split in splits.items()}

        def _generate_examples(self, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
            assert split.label is not None
            for row, (image, label) in enumerate(zip(split.x, split.label, strict=True)):
                yield row, {"image": _png(image[..., 0]), "label": int(label)}

    Builder.name = name
    return Builder


def _png(image: np.ndarray) -> io.BytesIO:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    file.seek(0)
    return file


def open_builder(folder: Path) -> Any:
    """TFDS's builder of a prepared folder, of which nothing but TFDS's own classes is imported.

    Raises:
      ValueError: a file of the folder that describes it is damaged, or names another class.
    """
    import tensorflow_datasets as tfds

    check_features(folder)
    try:
        return tfds.builder_from_directory(folder)
    except Exception as error:  # TFDS reads what may be anything, and raises as much
        raise ValueError(
            f"{folder} cannot be read: dataset_info.json or features.json is damaged ({error})."
            " Prepare it again."
        ) from error


def read_prepared(source: idx.Source, folder: Path) -> dict[str, Split]:
    """Read a prepared folder, ours or the official one. About 3 s for 70,000 images.

    Args:
      source: what the idx files, of which the rows are the content, hash to.
      folder: what `find_prepared` found.

    Returns:
      {"train", "test"}, uint8 [N, H, W, 1] and int32 [N], in the order of the idx files.

    Raises:
      ValueError: the rows are not the published data.
    """
    builder = open_builder(folder)
    shuffled = not builder.info.disable_shuffling
    splits = {}
    for name in ("train", "test"):
        split = _read_rows(builder, name)
        splits[name] = _unshuffle(split, name) if shuffled else split
        _check_rows(splits[name], getattr(source, name), f"The {name} split in {folder}")
    return splits


def _read_rows(builder: Any, split: str) -> Split:
    import tensorflow_datasets as tfds

    encoded = {"image": tfds.decode.SkipDecoding()}
    rows = builder.as_data_source(split, decoders=encoded, file_format=FORMAT)
    examples = rows.__getitems__(range(len(rows)))
    images = [decode_image(row["image"], f"{split}, row {i}") for i, row in enumerate(examples)]
    label = np.asarray([example["label"] for example in examples], np.int32)
    return Split(np.stack(images), label)


def _unshuffle(split: Split, name: str) -> Split:
    """Undo the order of official folders: rows sorted by md5(split name, row number)."""
    assert split.label is not None
    digest = [hashlib.md5(f"{name}{row}".encode()).digest() for row in range(len(split.x))]
    place = np.argsort(np.argsort(np.asarray(digest, "S16")))
    return Split(split.x[place], split.label[place])


def _check_rows(split: Split, files: tuple[idx.IdxFile, idx.IdxFile], what: str) -> None:
    assert split.label is not None
    remedy = "Remove the folder, or pass another data_dir."
    for array, file in zip((split.x[..., 0], split.label.astype(np.uint8)), files, strict=True):
        idx.check_sha256(idx.encode(array), file.sha256, f"{what} ({file.name})", remedy)
