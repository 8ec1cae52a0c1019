"""Arrays that numpy saved, as examples."""

import os
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from vae_jax.data.checks import check_array, check_range
from vae_jax.data.dataset import Split

# What numpy raises of a damaged file; RuntimeError is zipfile's, of a header that asks for a
# password or an unknown compression.
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_LABELS = ("label", "y")


def read_array(path: str | os.PathLike[str]) -> Split:
    """Read the examples that numpy.save or numpy.savez wrote. Pickles are never loaded.

    An .npz holds the examples as "x", or as the only array beside the classes, which are "label"
    or "y".

    Args:
      path: an .npy or .npz of x [N, H, W, C], [N, H, W] or [N, D]: bool, integers 0 .. 255, or
        floats in [0, 1].

    Returns:
      A Split: x uint8 (of bool: 0 and 1) or float32, [N, H, W, C] or [N, D] ([N, H, W] gets an
      axis of one channel); label int32 [N] or None.

    Raises:
      FileNotFoundError: there is no such file.
      TypeError: the values are not numbers.
      ValueError: the file is damaged or holds Python objects; x cannot be told from other arrays,
        has another shape, or has a value that is NaN, infinite or out of range; the labels are
        not one integer for each example.
    """
    path = Path(path).expanduser()
    check_file(path, (".npy", ".npz"))
    arrays = load_arrays(path)
    x = _choose_x(arrays, path)
    check_shape(x.shape, f"{path}: x")
    x = as_images(as_intensities(x, f"{path}: x"))
    return Split(x, _choose_label(arrays, len(x), path))


def check_file(path: Path, suffixes: tuple[str, ...]) -> None:
    """FileNotFoundError unless there is such a file, ValueError unless it has such a suffix."""
    if path.suffix not in suffixes:
        raise ValueError(
            f"{path} is not {' or '.join(suffixes)}; numpy.save writes an .npy, numpy.savez an"
            " .npz."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name; that of an .npy as "x"."""
    try:
        with path.open("rb") as file:  # numpy leaves a damaged .npz open
            loaded = np.load(file, allow_pickle=False)
            return {"x": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except DAMAGE as error:
        raise unreadable(path, error) from error


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """ValueError unless the shape is [N, D], [N, H, W] or [N, H, W, C]."""
    if len(shape) not in (2, 3, 4):
        raise ValueError(
            f"{name} has shape {list(shape)}, and [N, H, W, C], [N, H, W] or [N, D] is needed:"
            " reshape it; a single example is x[None]."
        )
    if len(shape) == 4 and shape[1] in (1, 3) and shape[3] > 4:
        raise ValueError(
            f"{name} has shape {list(shape)}, which looks like [N, C, H, W], and [N, H, W, C] is"
            " needed: numpy.moveaxis(x, 1, -1)."
        )


def as_intensities(x: np.ndarray, name: str) -> np.ndarray:
    """x as uint8 (bool and integers 0 .. 255) or float32 (in [0, 1]); raises as `read_array`."""
    check_array(x, name)
    if x.dtype == bool:
        return x.astype(np.uint8)
    if np.issubdtype(x.dtype, np.integer):
        remedy = "subtract the smallest, and divide by the largest as floats if 255 are too few"
        check_range(x, name, 0, 255, remedy)
        return x.astype(np.uint8)
    if np.issubdtype(x.dtype, np.floating):
        check_range(x, name, 0, 1, "divide by the largest, or save intensities 0 .. 255 as uint8")
        return x.astype(np.float32)
    raise TypeError(f"{name} has dtype {x.dtype}, and bool, integers or floats are needed.")


def check_labels(label: np.ndarray, size: int, name: str) -> np.ndarray:
    """The labels as int32 [N]; ValueError unless they are one integer for each example."""
    if label.shape != (size,) or not np.issubdtype(label.dtype, np.integer):
        raise ValueError(
            f"{name} is {label.dtype} {list(label.shape)}, and one integer for each of the {size}"
            f" examples is needed, [{size}]; of one-hot rows, .argmax(1)."
        )
    check_range(label, name, -(2**31), 2**31 - 1, "number the classes from 0")
    return label.astype(np.int32)


def as_images(x: np.ndarray) -> np.ndarray:
    """[N, H, W] with an axis of one channel; any other as it is."""
    return x[..., None] if x.ndim == 3 else x


def unreadable(path: Path, error: Exception) -> ValueError:
    """What numpy could not load, in words."""
    if "Object arrays" in str(error) or "Python objects" in str(error):
        return ValueError(
            f"{path} holds Python objects, a pickle, which runs code when it is loaded and never"
            " is here. Save a rectangular array of numbers: numpy.stack(examples)."
        )
    return ValueError(f"{path} is damaged, cut short, or not numpy's ({error}). Save it again.")


def _choose_x(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray:
    others = [name for name in arrays if name not in _LABELS]
    if "x" in arrays or len(others) == 1:
        return arrays["x" if "x" in arrays else others[0]]
    raise ValueError(
        f"{path} holds the arrays {sorted(arrays)}, and the examples cannot be told: name them x,"
        " numpy.savez(path, x=examples, label=classes)."
    )


def _choose_label(arrays: dict[str, np.ndarray], size: int, path: Path) -> np.ndarray | None:
    names = [name for name in _LABELS if name in arrays]
    if not names:
        return None
    if len(names) == 2:
        raise ValueError(f"{path} holds both label and y: save the classes once.")
    return check_labels(arrays[names[0]], size, f"{path}: {names[0]}")
