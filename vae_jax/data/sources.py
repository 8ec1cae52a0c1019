"""Sources: data larger than memory, read an example at a time."""

import os
from pathlib import Path
from typing import Protocol, final

import numpy as np

from vae_jax.data.arrays import (
    DAMAGE,
    as_images,
    as_intensities,
    check_file,
    check_labels,
    check_shape,
    load_arrays,
    unreadable,
)
from vae_jax.data.images import check_size, decode_image, find_images

Folder = str | os.PathLike[str]


class Source(Protocol):
    """Examples by number: what `train.stream_epoch` reads. A list of dicts is one.

    Several threads ask at once. An error it raises is raised by `stream_epoch`.
    """

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, i: int, /) -> dict[str, np.ndarray]:
        """Example i of 0 .. N - 1: {"x": [...]}, with "c": [...] for conditional models."""


def open_images(folder: Folder, *, labels: bool = False) -> Source:
    """A folder of PNG and JPEG images, each read when it is asked for; like `read_images`.

    Args:
      folder: of images, or of subfolders of images.
      labels: whether "c" is the class, int32 [].

    Returns:
      A Source of x uint8 [H, W, C], sorted by path; it raises ValueError, naming the file, where
      one is damaged, or of another size or number of channels than the first.

    Raises:
      FileNotFoundError, ValueError: as `read_images`, of the folder and of its first image; or
        labels are asked of images without subfolders.
    """
    return _Images(folder, labels)


def open_array(path: Folder, label: Folder | None = None) -> Source:
    """An .npy, left on disk and mapped into memory; like `read_array`.

    Args:
      path: an .npy of x [N, H, W, C], [N, H, W] or [N, D]: bool, uint8, or floats in [0, 1].
      label: an .npy of integers [N], given as "c"; it is read into memory.

    Returns:
      A Source of x uint8 or float32, [H, W, C] or [D]; it raises ValueError, naming the file and
      the row, where a float is NaN, infinite or outside [0, 1].

    Raises:
      FileNotFoundError, ValueError: as `read_array`, but for the values; or there is not one label
        for each example.
    """
    return _Rows(path, label)


@final
class _Images:
    def __init__(self, folder: Folder, labels: bool) -> None:
        files = find_images(folder)
        if labels and files.label is None:
            raise ValueError(
                f"{folder} holds its images itself, and labels=True needs a subfolder for each"
                " class."
            )
        self._paths, self._label = files.paths, files.label if labels else None
        self._shape = self._decode(0).shape

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, i: int, /) -> dict[str, np.ndarray]:
        x = self._decode(i)
        check_size(x, str(self._paths[i]), self._shape, str(self._paths[0]))
        return _example(x, self._label, i)

    def _decode(self, i: int) -> np.ndarray:
        return decode_image(self._paths[i].read_bytes(), str(self._paths[i]))


@final
class _Rows:
    def __init__(self, path: Folder, label: Folder | None) -> None:
        self._path = Path(path).expanduser()
        self._x = _map(self._path)
        self._label = None if label is None else _labels(Path(label).expanduser(), len(self._x))

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, i: int, /) -> dict[str, np.ndarray]:
        x = as_images(self._x[i : i + 1])
        if x.dtype != np.uint8:  # bytes need no look at each
            x = as_intensities(x, f"{self._path}, row {i}: x")
        return _example(np.asarray(x[0]), self._label, i)


def _map(path: Path) -> np.ndarray:
    check_file(path, (".npy",))
    try:
        x = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise unreadable(path, error) from error
    check_shape(x.shape, f"{path}: x")
    if len(x) == 0 or not (x.dtype in (np.uint8, bool) or np.issubdtype(x.dtype, np.floating)):
        raise ValueError(
            f"{path} holds {x.dtype} {list(x.shape)}, and one or more examples of uint8, bool, or"
            " floats in [0, 1] are needed: save x.astype(numpy.uint8) of intensities 0 .. 255."
        )
    return x


def _labels(path: Path, size: int) -> np.ndarray:
    check_file(path, (".npy",))
    return check_labels(load_arrays(path)["x"], size, str(path))


def _example(x: np.ndarray, label: np.ndarray | None, i: int) -> dict[str, np.ndarray]:
    return {"x": x} if label is None else {"x": x, "c": label[i]}
