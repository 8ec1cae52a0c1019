"""Image files in a folder: which are read, and which are left out."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.paths import Given, path_of

_SUFFIXES = (".png", ".jpg", ".jpeg")
_UNREAD = (".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".jp2", ".ppm", ".pgm")


class ImageFiles(NamedTuple):
    """The image files of a folder, sorted by path.

    Fields:
      paths: the N files.
      label: int32 [N], which of `classes` each is of; None where the folder has no subfolders.
      classes: the sorted names of the subfolders.
      left_out: what else there is of images, and how many: {".webp": 3}.
    """

    paths: list[Path]
    label: np.ndarray | None
    classes: tuple[str, ...]
    left_out: dict[str, int]


def find_images(folder: Given) -> ImageFiles:
    """The image files of a folder; raises as `read_images` does, but opens none of them."""
    folder = _check_folder(folder)
    here = images_in(folder)
    found = {path.name: images_in(path) for path in subfolders(folder)}
    classes = {name: paths for name, paths in found.items() if paths}
    others = _others(folder)
    if not here and not classes:
        raise FileNotFoundError(_nothing(folder, others))
    if not classes:
        return ImageFiles(here, None, (), others)
    if here:
        raise ValueError(
            f"{folder} holds images ({here[0].name}) and a subfolder with images"
            f" ({next(iter(classes))}): a subfolder is a class, so every image needs one, or none."
            " Move them."
        )
    paths = [path for members in classes.values() for path in members]
    label = np.repeat(np.arange(len(classes), dtype=np.int32), [*map(len, classes.values())])
    return ImageFiles(paths, label, (*classes,), others)


def subfolders(folder: Path) -> list[Path]:
    """The subfolders, sorted, hidden ones left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def left_out(folder: Path) -> list[str]:
    """A sentence on the images of a folder that are not read, if there are any."""
    others = find_images(folder).left_out
    read = "PNG and JPEG in a folder and in its subfolders are read"
    return [f"{folder}: {_words(others)} left out: {read}."] if others else []


def _others(folder: Path) -> dict[str, int]:
    """Images of other formats, by suffix, and those two levels down."""
    within = subfolders(folder)
    found = Counter(
        path.suffix.lower()
        for place in [folder, *within]
        for path in place.iterdir()
        if path.suffix.lower() in _UNREAD and path.name[0] != "."
    )
    deeper = sum(len(images_in(path)) for place in within for path in subfolders(place))
    return {**dict(sorted(found.items())), **({"in deeper folders": deeper} if deeper else {})}


def _words(others: dict[str, int]) -> str:
    return " and ".join(f"{count:,} {kind}" for kind, count in others.items())


def _nothing(folder: Path, others: dict[str, int]) -> str:
    nothing = (
        f"{folder} holds no image: no {', '.join(_SUFFIXES)} file lies in it or in its subfolders"
        " (one level)."
    )
    for pattern in ("*/*/*", "*/*/*/*"):
        deeper = next((p for p in folder.glob(pattern) if p.suffix.lower() in _SUFFIXES), None)
        if deeper is not None:
            return (
                f"{nothing} Deeper there is {deeper}: name the folder that holds the images, or"
                " that holds a folder of them for each class."
            )
    there = f" What there is, {_words(others)}, is not read." if others else ""
    return f"{nothing}{there} Convert other formats to PNG."


def _check_folder(given: Given) -> Path:
    folder = path_of(given)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ValueError(f"{folder} is a file, and a folder of PNG or JPEG images is needed.")
    raise FileNotFoundError(f"There is no folder {folder}; needed is one of PNG or JPEG images.")


def images_in(folder: Path) -> list[Path]:
    """The PNG and JPEG files of a folder itself, sorted, hidden ones left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and path.name[0] != "." and path.is_file()
    )
