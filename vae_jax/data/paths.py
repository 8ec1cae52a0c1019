"""Where a user said that something lies."""

import os
from pathlib import Path

Given = str | os.PathLike[str]


def path_of(given: Given) -> Path:
    """The path, with ~ written out.

    Raises:
      ValueError: it is empty, which would be the folder one is in; or it is the home, ~name, of
        someone who is not known here.
    """
    if not os.fspath(given):
        raise ValueError('A path is empty, "": name a file or a folder; "." is the one you are in.')
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"{given}: there is no such user here, or no home ({error}). Write the path out."
        ) from error
