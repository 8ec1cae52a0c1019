"""Sources: data larger than memory, read an example at a time."""

from pathlib import Path
from typing import Protocol, final

import numpy as np

from vae_jax.data.arrays import check_labels
from vae_jax.data.image_files import find_images
from vae_jax.data.images import check_size
from vae_jax.data.intensities import Form, check_levels, in_form, is_of_floats, layout_of
from vae_jax.data.numpy_files import check_file, load, map_array
from vae_jax.data.paths import Given, path_of
from vae_jax.data.pixels import decode_image


class Source(Protocol):
    """Examples by number: what `train.stream_epoch` reads. A list of dicts is one.

    Several threads ask at once. Of an error it raises, `stream_epoch` says by which example.
    """

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, i: int, /) -> dict[str, np.ndarray]:
        """Example i of 0 .. N - 1: {"x": [...]}, with "c": [...] for conditional models."""


def read_example(source: Source, i: int) -> dict[str, np.ndarray]:
    """Example i of a source.

    Raises:
      ValueError: the source raised something, which is told with the number of the example. (Its
        own StopIteration would end the loop it is read in, as if that had come to its end.)
    """
    try:
        return source[i]
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(f"Example {i} of the source cannot be read. {kind}{error}") from error


def open_images(folder: Given, *, labels: bool = False) -> Source:
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


def open_array(
    path: Given,
    label: Given | None = None,
    *,
    layout: str | None = None,
    levels: int | None = None,
    signed: bool = False,
) -> Source:
    """An .npy, left on disk and mapped into memory; like `read_array`.

    Args:
      path: an .npy of x [N, H, W, C], [N, C, H, W], [N, H, W] or [N, D].
      label: an .npy of integers [N], given as "c"; it is read into memory.
      layout, levels, signed: as of `read_array`; but nothing is looked for in the values: integers
        are of 256 levels, bool of 2, and floats in [0, 1], if nothing else is said.

    Returns:
      A Source of x uint8, uint16 or float32, [H, W, C] or [D]; it raises ValueError, naming the
      file and the row, where a value is NaN, infinite or out of range.

    Raises:
      FileNotFoundError, ValueError: as `read_array`, but for the values; or there is not one label
        for each example.
    """
    return _Rows(path, label, Form(layout, levels, signed))


@final
class _Images:
    def __init__(self, folder: Given, labels: bool) -> None:
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
    def __init__(self, path: Given, label: Given | None, said: Form) -> None:
        self._path = path_of(path)
        check_file(self._path, (".npy",))
        self._x = map_array(self._path)
        self._form = _form_of(self._x, said, f"{self._path}: x")
        self._label = None if label is None else _labels(path_of(label), len(self._x))

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, i: int, /) -> dict[str, np.ndarray]:
        x = in_form(np.asarray(self._x[i : i + 1]), self._form, f"{self._path}, row {i}: x")
        return _example(x[0], self._label, i)


def _form_of(x: np.ndarray, said: Form, name: str) -> Form:
    """The form of what is not looked at."""
    check_levels(said.levels)
    if len(x) == 0 or not (x.dtype == bool or np.issubdtype(x.dtype, np.number)):
        raise ValueError(
            f"{name} is {x.dtype} {list(x.shape)}, and one or more examples of numbers are needed."
        )
    layout = layout_of(x.shape, said.layout, name)
    if is_of_floats(x, said.levels):
        return Form(layout, 1, said.signed)
    return Form(layout, said.levels or (2 if x.dtype == bool else 256), False)


def _labels(path: Path, size: int) -> np.ndarray:
    check_file(path, (".npy",))
    return check_labels(load(path), size, str(path))


def _example(x: np.ndarray, label: np.ndarray | None, i: int) -> dict[str, np.ndarray]:
    return {"x": x} if label is None else {"x": x, "c": label[i]}
