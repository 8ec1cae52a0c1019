"""Any image set that tensorflow-datasets has prepared as array_record, without TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np

from vae_jax.data import prepared
from vae_jax.data.dataset import Split
from vae_jax.data.images import stack_images
from vae_jax.data.paths import Given


def read_tfds(name: str, split: str, data_dir: Given | None = None) -> Split:
    """Read a split of a prepared image set into memory. The network is not touched.

    Args:
      name: of the set, "cifar10", or with its config, "name/config".
      split: one of its splits, "train".
      data_dir: tensorflow-datasets' folder, a local one; None means its default, $TFDS_DATA_DIR or
        ~/tensorflow_datasets. The newest version in it is read.

    Returns:
      A Split in the order of the prepared rows: x uint8 [N, H, W, C], of the feature "image";
      label int32 [N], of the feature "label", or None where that is no class.

    Raises:
      FileNotFoundError: there is no prepared folder, or it is in a format that only TensorFlow
        reads; the message says where it was looked for.
      ValueError: the set has no such split, or no images, or images of mixed sizes.
    """
    builder = _open(name, data_dir)
    if split not in builder.info.splits:
        raise ValueError(f"{name} has no split {split!r}; it has {', '.join(builder.info.splits)}.")
    features = dict(builder.info.features)
    _check_images(name, features)
    examples = _rows(builder, split, features)
    encoded = ((f"{name}, {split}, row {i}", row["image"]) for i, row in enumerate(examples))
    x = stack_images(encoded, len(examples))
    label = [row["label"] for row in examples if "label" in row]
    return Split(x, np.asarray(label, np.int32) if label else None)


def splits_of(name: str, data_dir: Given | None = None) -> list[str]:
    """The names of the splits of a prepared set; raises as `read_tfds`."""
    return list(_open(name, data_dir).info.splits)


def _open(name: str, data_dir: Given | None) -> Any:
    return prepared.open_builder(_find(name, data_dir))


def _find(name: str, data_dir: Given | None) -> Path:
    root = prepared.data_root(data_dir)
    folder = prepared.find_prepared(name, root)
    if folder is not None:
        return folder
    looked = " or ".join(str(place) for place in prepared.places(name, root))
    other = next((root / name).glob("*/dataset_info.json"), None)
    if other is not None:
        raise FileNotFoundError(
            f"{name} is not prepared as array_record in {looked}; {other.parent} is in a format"
            " that only TensorFlow reads. Where that is installed, convert it: tfds convert_format"
            f" --dataset_version_dir={other.parent} --out_file_format=array_record"
        )
    raise FileNotFoundError(
        f"{name} is not on this machine: there is no folder prepared as array_record in {looked}."
        f" Prepare it with tensorflow-datasets, tfds build {name} --file_format=array_record, or"
        " pass another data_dir."
    )


def _check_images(name: str, features: dict[str, Any]) -> None:
    import tensorflow_datasets as tfds

    if not isinstance(features.get("image"), tfds.features.Image):
        raise ValueError(
            f'{name} has the features {", ".join(features)}, and images named "image" are needed.'
        )


def _rows(builder: Any, split: str, features: dict[str, Any]) -> list[dict[str, Any]]:
    """The features read, images undecoded. What else a row has is not looked at."""
    import tensorflow_datasets as tfds

    names = ["image", "label"] if _has_classes(features) else ["image"]
    wanted = tfds.features.FeaturesDict({name: features[name] for name in names})
    rows = builder.as_data_source(
        split,
        file_format=prepared.FORMAT,
        deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES,
    )
    undecoded = {"image": tfds.decode.SkipDecoding()}
    records = rows.__getitems__(range(len(rows)))
    return [wanted.deserialize_example_np(record, decoders=undecoded) for record in records]


def _has_classes(features: dict[str, Any]) -> bool:
    label = features.get("label")
    return label is not None and label.shape == () and np.issubdtype(label.np_dtype, np.integer)
