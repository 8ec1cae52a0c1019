"""Parameters on disk, with Orbax: a folder of arrays, written atomically, no code in it."""

from pathlib import Path

import jax

from vae_jax.types import Params


def save(path: Path, params: Params) -> None:
    """Write a tree of arrays into the new folder `path`.

    Raises:
      FileExistsError: there is something already.
    """
    from orbax.checkpoint import v1 as orbax

    if path.exists():
        raise FileExistsError(f"{path} is there already: name a new folder.")
    orbax.save(path.absolute(), params)


def load(path: Path, like: Params) -> Params:
    """Read what `save` wrote.

    Args:
      path: the folder.
      like: a tree of the same structure, shapes and types, of arrays or of their
        `jax.ShapeDtypeStruct`s: `jax.eval_shape(model.init, key, x)`.

    Raises:
      FileNotFoundError: nothing was saved there.
    """
    from orbax.checkpoint import v1 as orbax

    if not path.is_dir():
        raise FileNotFoundError(f"There are no saved parameters at {path}.")
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), like
    )
    return orbax.load(path.absolute(), abstract)
