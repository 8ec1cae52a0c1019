"""Data from wherever it lies: what a command line's `--data WHERE` reads."""

from pathlib import Path

from vae_jax.data import prepared
from vae_jax.data.arrays import read_arrays
from vae_jax.data.dataset import Dataset, Split, hold_out
from vae_jax.data.image_files import find_images, images_in, left_out, subfolders
from vae_jax.data.images import read_images
from vae_jax.data.intensities import BYTES, Form
from vae_jax.data.paths import Given, path_of
from vae_jax.data.tfds import read_tfds, splits_of

_DIVIDED = (["test", "train"], ["test", "train", "valid"])
_TOLD = 20  # classes that are named
_ARRAYS = (".npy", ".npz")


def read(
    where: Given,
    *,
    key: str | None = None,
    layout: str | None = None,
    levels: int | None = None,
    signed: bool | None = None,
    data_dir: Given | None = None,
    fraction: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Read a data set of images by place or name.

    * A folder of images (`read_images`). Where its subfolders are train/ and test/, and perhaps
      valid/, they are the splits; else the test split is held out (`hold_out`).
    * An .npy or .npz (`read_array`); of x_train, x_test and perhaps x_valid, or train_images and
      so on, each is a split; else the test split is held out.
    * Else the name of a set that tensorflow-datasets has prepared (`read_tfds`): its splits train,
      validation if there is one, and test; where there is no test, it is held out of train.

    Args:
      where: a path or a name.
      key, layout, levels, signed: of arrays, as of `read_array`.
      data_dir: tensorflow-datasets' folder; None means its default.
      fraction: how much to hold out, where that is done.
      seed: of the examples held out.

    Returns:
      A Dataset; its notes say how it was read, and what was left out.

    Raises:
      FileNotFoundError: it is none of these.
      ValueError: a file that is none of these; subfolders train/ or test/ beside others; splits of
        different shapes or classes; something said of images that holds of arrays alone; and what
        the reader of it raises.
    """
    path, said = path_of(where), Form(layout, levels, signed)
    if path.suffix in _ARRAYS and path.is_file():
        found = read_arrays(path, key, said)
        return _dataset(path.stem, found.splits, found.form, [found.told], fraction, seed)
    if path.is_dir():
        name, (splits, notes) = path.resolve().name, _read_folder(path)
    elif path.exists() or not _is_prepared(str(where), data_dir):
        raise _unknown(where, path, data_dir)
    else:
        name, splits, notes = str(where), _read_prepared(str(where), data_dir), []
    _check_said(where, key, said)
    return _dataset(name, splits, BYTES, notes, fraction, seed)


def _check_said(where: Given, key: str | None, said: Form) -> None:
    """ValueError where image files are said to be other than they are."""
    if key is not None or any(one not in (None, BYTES[i]) for i, one in enumerate(said)):
        raise ValueError(
            f"{where} is read as images of 256 levels: key, layout, levels and signed are said of"
            " arrays, .npy or .npz."
        )


def _read_folder(folder: Path) -> tuple[dict[str, Split], list[str]]:
    """The splits of a folder, and what is left out of them."""
    names = [path.name for path in subfolders(folder)]
    if names in _DIVIDED:
        _check_divided(folder, names)
        splits = {name: read_images(folder / name) for name in names}
        told = [note for name in names for note in left_out(folder / name)]
        return splits, [*told, *_classes(folder / "train")]
    if {"train", "test"} & set(names):
        raise ValueError(
            f"{folder} has the subfolders {', '.join(names)}: needed are train and test, and valid"
            " if there is one, for splits; or folders of other names for classes."
        )
    return {"train": read_images(folder)}, [*left_out(folder), *_classes(folder)]


def _classes(folder: Path) -> list[str]:
    """A sentence on what the labels of a folder stand for, if there are any."""
    names = find_images(folder).classes
    told = ", ".join(f"{label} {name}" for label, name in enumerate(names[:_TOLD]))
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return [f"{folder}: the labels are {told}{more}."] if names else []


def _check_divided(folder: Path, names: list[str]) -> None:
    """ValueError unless all images are in the splits, of which each has the same classes: a label
    is the place of its class among those of one split."""
    if beside := images_in(folder):
        raise ValueError(
            f"{folder} holds images ({beside[0].name}) beside {' and '.join(names)}: move them."
        )
    classes = {name: find_images(folder / name).classes for name in names}
    if len(set(classes.values())) > 1:
        found = "; ".join(f"{name} has {', '.join(c) or 'none'}" for name, c in classes.items())
        raise ValueError(f"{folder}: the splits need the same classes, and {found}.")


def _read_prepared(name: str, data_dir: Given | None) -> dict[str, Split]:
    there = splits_of(name, data_dir)
    wanted = {"train": "train", "valid": "validation", "test": "test"}
    wanted = {ours: theirs for ours, theirs in wanted.items() if theirs in there or ours == "train"}
    return {ours: read_tfds(name, theirs, data_dir) for ours, theirs in wanted.items()}


def _dataset(
    name: str, splits: dict[str, Split], form: Form, notes: list[str], fraction: float, seed: int
) -> Dataset:
    train, test = splits["train"], splits.get("test")
    if test is None:
        train, test = hold_out(train, fraction, seed=seed)
    _check_shapes(name, {**splits, "train": train, "test": test})
    layout, levels, signed = form
    max_value = max((levels or 1) - 1, 1)
    valid = splits.get("valid")
    return Dataset(name, train, valid, test, max_value, str(layout), bool(signed), tuple(notes))


def _check_shapes(name: str, splits: dict[str, Split]) -> None:
    shapes = {split: list(examples.x.shape[1:]) for split, examples in splits.items()}
    if len(set(map(tuple, shapes.values()))) > 1:
        found = "; ".join(f"{split} {shape}" for split, shape in shapes.items())
        raise ValueError(
            f"{name}: examples of one shape are needed in all splits, and are {found}."
        )


def _is_prepared(name: str, data_dir: Given | None) -> bool:
    """Whether there is a folder of that name; if its format is another, `read_tfds` says so."""
    root = prepared.data_root(data_dir)
    return any(place.is_dir() for place in prepared.places(name, root))


def _unknown(where: Given, path: Path, data_dir: Given | None) -> Exception:
    root = prepared.data_root(data_dir)
    kinds = (
        "a folder of .png and .jpg images (with train/ and test/, or classes, as subfolders, or"
        " neither); an .npy or .npz file of numpy, such as an .npz with the arrays train_images and"
        " test_images [N, H, W, C]; or the name of a set that tensorflow-datasets has prepared as"
        f" array_record in {root}"
    )
    if path.exists():
        return ValueError(f"{where} is a file that cannot be read as examples. Needed is {kinds}.")
    return FileNotFoundError(f"There is no data {str(where)!r}. It may be {kinds}.")
