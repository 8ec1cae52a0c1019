"""Data from wherever it lies: what a command line's `--data WHERE` reads."""

import os
from pathlib import Path

from vae_jax.data import prepared
from vae_jax.data.arrays import read_array
from vae_jax.data.dataset import Dataset, Split, hold_out
from vae_jax.data.images import find_images, read_images, subfolders
from vae_jax.data.tfds import read_tfds, splits_of

_DIVIDED = (["test", "train"], ["test", "train", "valid"])
_ARRAYS = (".npy", ".npz")

Folder = str | os.PathLike[str]


def read(
    where: Folder, *, data_dir: Folder | None = None, fraction: float = 0.1, seed: int = 0
) -> Dataset:
    """Read a data set by place or name.

    * A folder of images (`read_images`). Where its subfolders are train/ and test/, and perhaps
      valid/, they are the splits; else the test split is held out (`hold_out`).
    * An .npy or .npz (`read_array`), with the test split held out.
    * Else the name of a set that tensorflow-datasets has prepared (`read_tfds`): its splits train,
      validation if there is one, and test; where there is no test, it is held out of train.

    Args:
      where: a path or a name.
      data_dir: tensorflow-datasets' folder; None means its default.
      fraction: how much to hold out, where that is done.
      seed: of the examples held out.

    Returns:
      A Dataset; max_value is 1 for floats, and for an array of bool or of 0 and 1 alone, else 255.

    Raises:
      FileNotFoundError: it is none of these.
      ValueError: a file that is none of these; subfolders train/ or test/ beside others; splits of
        different shapes or classes; and what the reader of it raises.
    """
    path = Path(where).expanduser()
    if path.is_dir():
        splits = _read_folder(path)
        return _dataset(path.resolve().name, splits, 255, fraction, seed)
    if path.suffix in _ARRAYS and path.is_file():
        split = read_array(path)
        return _dataset(path.stem, {"train": split}, _max_value(split), fraction, seed)
    if path.exists() or not _is_prepared(str(where), data_dir):
        raise _unknown(where, path, data_dir)
    return _dataset(str(where), _read_prepared(str(where), data_dir), 255, fraction, seed)


def _read_folder(folder: Path) -> dict[str, Split]:
    names = [path.name for path in subfolders(folder)]
    if names in _DIVIDED:
        _check_classes(folder, names)
        return {name: read_images(folder / name) for name in names}
    if {"train", "test"} & set(names):
        raise ValueError(
            f"{folder} has the subfolders {', '.join(names)}: needed are train and test, and valid"
            " if there is one, for splits; or folders of other names for classes."
        )
    return {"train": read_images(folder)}


def _check_classes(folder: Path, names: list[str]) -> None:
    # A label is the place of its class among those of one split: they must be the same in all.
    classes = {name: find_images(folder / name).classes for name in names}
    if len(set(classes.values())) > 1:
        found = "; ".join(f"{name} has {', '.join(c) or 'none'}" for name, c in classes.items())
        raise ValueError(f"{folder}: the splits need the same classes, and {found}.")


def _read_prepared(name: str, data_dir: Folder | None) -> dict[str, Split]:
    there = splits_of(name, data_dir)
    wanted = {"train": "train", "valid": "validation", "test": "test"}
    wanted = {ours: theirs for ours, theirs in wanted.items() if theirs in there or ours == "train"}
    return {ours: read_tfds(name, theirs, data_dir) for ours, theirs in wanted.items()}


def _dataset(
    name: str, splits: dict[str, Split], max_value: int, fraction: float, seed: int
) -> Dataset:
    train, test = splits["train"], splits.get("test")
    if test is None:
        train, test = hold_out(train, fraction, seed=seed)
    _check_shapes(name, {**splits, "train": train, "test": test})
    return Dataset(name, train, splits.get("valid"), test, max_value)


def _check_shapes(name: str, splits: dict[str, Split]) -> None:
    shapes = {split: list(examples.x.shape[1:]) for split, examples in splits.items()}
    if len(set(map(tuple, shapes.values()))) > 1:
        found = "; ".join(f"{split} {shape}" for split, shape in shapes.items())
        raise ValueError(
            f"{name}: examples of one shape are needed in all splits, and are {found}."
        )


def _max_value(split: Split) -> int:
    return 255 if split.x.dtype == "uint8" and split.x.max() > 1 else 1


def _is_prepared(name: str, data_dir: Folder | None) -> bool:
    """Whether there is a folder of that name; if its format is another, `read_tfds` says so."""
    root = prepared.data_root(data_dir)
    return any(place.is_dir() for place in prepared.places(name, root))


def _unknown(where: Folder, path: Path, data_dir: Folder | None) -> Exception:
    root = prepared.data_root(data_dir)
    kinds = (
        "a folder of .png and .jpg images (with train/ and test/, or classes, as subfolders, or"
        " neither); an .npy or .npz file of numpy; or the name of a set that tensorflow-datasets"
        f" has prepared as array_record in {root}"
    )
    if path.exists():
        return ValueError(f"{where} is a file that cannot be read as examples. Needed is {kinds}.")
    return FileNotFoundError(f"There is no data {str(where)!r}. It may be {kinds}.")
