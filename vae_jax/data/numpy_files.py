"""Files that numpy saved. What a header declares is compared with what is there before it is read.

Pickles are never loaded.
"""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

# What numpy and zipfile raise of a damaged file; RuntimeError is of a password that is asked for.
_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # names of fields alone are spelt otherwise
}
_DEFLATED = 1032  # the most bytes that deflate makes of one
_ALONE = "x"  # what the array of an .npy is called


class Header(NamedTuple):
    """What is declared of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype


def check_file(path: Path, suffixes: tuple[str, ...]) -> None:
    """FileNotFoundError unless there is such a file, ValueError unless it has such a suffix."""
    if path.suffix not in suffixes:
        raise ValueError(
            f"{path} is not {' or '.join(suffixes)}; numpy.save writes an .npy, numpy.savez an"
            " .npz."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")


def names_in(path: Path) -> list[str]:
    """What the arrays of an .npz are called; the one of an .npy is "x"."""
    if path.suffix == ".npy":
        return [_ALONE]
    with _told(path), zipfile.ZipFile(path) as archive:
        names = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        if not names:
            raise ValueError("it holds no array")
        return names


def load(path: Path, name: str = _ALONE) -> np.ndarray:
    """One array of an .npz, or that of an .npy.

    Raises:
      ValueError: it is damaged or pickled, or declares what is not there.
    """
    with _opened(path, name) as (file, size):
        _read_header(file, size)
        file.seek(0)
        array = np.lib.format.read_array(file, allow_pickle=False)
        file.read(1)  # at its end a member's check sum is compared
        return array


def header(path: Path, name: str = _ALONE) -> Header:
    """The shape and type of one array, of which nothing else is read; raises as `load`."""
    with _opened(path, name) as (file, size):
        return _read_header(file, size)


def map_array(path: Path) -> np.ndarray:
    """The array of an .npy, left on disk; raises as `load`."""
    header(path)
    with _told(path):
        return np.load(path, mmap_mode="r", allow_pickle=False)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """An array's bytes, and how many there are."""
    size = path.stat().st_size
    if path.suffix == ".npy":
        with _told(path), path.open("rb") as file:
            yield file, size
        return
    with _told(path), zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{name}.npy")
        _check_member(member, size)
        with archive.open(member) as file:
            yield file, member.file_size


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        if "Object arrays" in str(error) or "Python objects" in str(error):
            raise ValueError(
                f"{path} holds Python objects, a pickle, which runs code when it is loaded and"
                " never is here. Save a rectangular array of numbers: numpy.stack(examples)."
            ) from error
        raise ValueError(
            f"{path} is damaged, cut short, or not numpy's ({error}). Save it again."
        ) from error


def _check_member(member: zipfile.ZipInfo, size: int) -> None:
    """ValueError where a member of an archive of `size` bytes cannot be as large as it says."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename} is compressed in a way that numpy never does")
    most = min(size, member.compress_size)
    if member.compress_type == zipfile.ZIP_DEFLATED:
        most *= _DEFLATED
    if member.file_size > most:
        raise ValueError(
            f"{member.filename} declares {member.file_size:,} bytes, and what is there makes"
            f" {most:,} at most"
        )


def _read_header(file: IO[bytes], size: int) -> Header:
    """The header of an .npy of `size` bytes, which declares what follows it, or ValueError."""
    try:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    except Exception as error:  # numpy evaluates a header: what it raises is of any kind
        raise ValueError(f"its header cannot be read: {error}") from error
    if dtype.hasobject:
        raise ValueError("Python objects")
    if any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"its header declares the shape {shape}")
    declared, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if declared != there:
        raise ValueError(
            f"its header declares {dtype} {list(shape)}, {declared:,} bytes, and {there:,} follow"
        )
    return Header(shape, dtype)
