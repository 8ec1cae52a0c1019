"""Parameters on disk, with Orbax: a folder of arrays, written atomically, no code in it."""

import os
from pathlib import Path

import jax

from vae_jax.types import Params

Folder = str | os.PathLike[str]


def save(path: Folder, params: Params) -> None:
    """Write a tree of arrays into the new folder `path`.

    Raises:
      FileExistsError: there is something already.
    """
    from orbax.checkpoint import v1 as orbax

    folder = Path(path).absolute()
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: name a new folder.")
    orbax.save(folder, params)


def load(path: Folder, like: Params) -> Params:
    """Read what `save` wrote.

    Args:
      path: the folder.
      like: a tree of the same structure, shapes and types, of arrays or of their
        `jax.ShapeDtypeStruct`s: `jax.eval_shape(model.init, key, x)`.

    Raises:
      FileNotFoundError: nothing was saved there.
    """
    from orbax.checkpoint import v1 as orbax

    folder = Path(path).absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"There are no saved parameters at {folder}.")
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), like
    )
    return orbax.load(folder, abstract)
