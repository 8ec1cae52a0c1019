"""Text as windows of characters, or line by line."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vae_jax.data.dataset import Split
from vae_jax.data.paths import Given, path_of


def read_text(path: Given, length: int) -> tuple[Split, str]:
    """Cut a text file into consecutive windows of characters.

    Args:
      path: a file in UTF-8; line ends stay as they are, a byte order mark is left out.
      length: T, the characters of a window; what is left at the end is left out.

    Returns:
      A Split with x int32 [N, T], each the place of a character in the vocabulary, and without
      label; and the vocabulary, the sorted characters of the file: "".join(vocabulary[i] for i in
      x[0]) is the first window.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not UTF-8, or has fewer characters than one window; length < 1.
    """
    path = path_of(path)
    if length < 1:
        raise ValueError(f"read_text was given length={length}, and needs 1 or more characters.")
    text = decode_text(path)
    if len(text) < length:
        shorter = f"length=<at most {len(text)}>, or " if text else ""
        raise ValueError(
            f"{path} has {len(text)} characters, fewer than one window of {length}: {shorter}a"
            " longer text."
        )
    places, vocabulary = _in_vocabulary(text)
    size = len(text) // length
    return Split(places[: size * length].reshape(size, length), None), vocabulary


class Lines(NamedTuple):
    """The lines of a text.

    Fields:
      split: x int32 [N, T], the places of the characters in the vocabulary, and -1 behind the end
        of a line; its label int32 [N], how many characters each line has.
      vocabulary: the sorted characters of these lines.
      longer: how many lines were left out for being longer than T.
    """

    split: Split
    vocabulary: str
    longer: int


def read_lines(path: Given, length: int) -> Lines:
    """The lines of a text file, each a sequence by itself.

    Lines without a character are left out, and whole those of more than `length` characters: a line
    that was cut would have another end than its own.

    Args:
      path: a file in UTF-8; line ends, of Unix or Windows, are no characters of a line.
      length: T, the most characters of a line.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not UTF-8, or has no line of 1 .. T characters; length < 1.
    """
    path = path_of(path)
    if length < 1:
        raise ValueError(f"read_lines was given length={length}, and needs 1 or more characters.")
    every = [line.removesuffix("\r") for line in decode_text(path).split("\n")]
    some = [line for line in every if line]
    lines = [line for line in some if len(line) <= length]
    if not lines:
        shortest = f"length=<at least {min(map(len, some))}>, or " if some else ""
        raise ValueError(f"{path} has no line of 1 .. {length} characters: {shortest}another text.")
    places, vocabulary = _in_vocabulary("".join(lines))
    sizes = np.array([len(line) for line in lines], np.int32)
    x = np.full((len(lines), length), -1, np.int32)
    x[np.arange(length) < sizes[:, None]] = places
    return Lines(Split(x, sizes), vocabulary, len(some) - len(lines))


def _in_vocabulary(text: str) -> tuple[np.ndarray, str]:
    """The places of the characters among the sorted ones that there are, and those."""
    codes, places = np.unique(
        np.frombuffer(text.encode("utf-32-le"), np.uint32), return_inverse=True
    )
    return places.astype(np.int32), "".join(map(chr, codes))


def decode_text(path: Path) -> str:
    """The text of a file in UTF-8, without a byte order mark; raises as `read_text`."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8: {error.reason} at byte {error.start}. Convert it, e.g. with"
            " iconv -f latin1 -t utf-8."
        ) from error
