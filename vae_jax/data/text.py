"""Text as windows of characters."""

from pathlib import Path

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
    codes, places = np.unique(
        np.frombuffer(text.encode("utf-32-le"), np.uint32), return_inverse=True
    )
    size = len(text) // length
    x = places[: size * length].reshape(size, length).astype(np.int32)
    return Split(x, None), "".join(map(chr, codes))


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
