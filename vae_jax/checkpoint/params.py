"""Parameters on disk: a folder of arrays, written atomically, no code in it."""

import os
from pathlib import Path

from vae_jax.checkpoint import structure
from vae_jax.types import Params

Folder = str | os.PathLike[str]


def save(path: Folder, params: Params) -> None:
    """Write a tree of arrays into the new folder `path`.

    Raises:
      FileExistsError: there is something already.
    """
    orbax = structure.orbax()
    folder = Path(path).absolute()
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: name a new folder.")
    orbax.save(folder, params, custom_metadata={"checksum": structure.checksum(params)})


def load(path: Folder, like: Params) -> Params:
    """Read what `save` wrote.

    Args:
      path: the folder.
      like: a tree of the same structure, shapes and types, of arrays or of their
        `jax.ShapeDtypeStruct`s: `jax.eval_shape(model.init, key, x)`. They are read to where
        these are.

    Raises:
      FileNotFoundError: nothing was saved there.
      ValueError: the structure, a shape or a type differs; or the files are damaged.
      OSError: they cannot be read for another reason.
    """
    orbax = structure.orbax()
    folder = Path(path).absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"There are no saved parameters at {folder}.")
    remedy = "Save the parameters again, or take a copy."
    with structure.reading(folder, remedy):
        metadata = orbax.metadata(folder)
        saved, content = structure.leaves(metadata.metadata), metadata.custom_metadata or {}
    structure.check_same(folder, saved, structure.leaves(like))
    with structure.reading(folder, remedy):
        params = orbax.load(folder, structure.abstract(like))
        found = structure.checksum(params)
    structure.check_content(folder, found, content.get("checksum"), remedy)
    return params
