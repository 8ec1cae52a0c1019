"""What a saved tree holds, against what is expected of it."""

import contextlib
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vae_jax.extras import lacking

Leaves = dict[str, tuple[tuple[int, ...], str]]  # by path: shape and type

_SHOWN = 5  # differences named in a message
# what a reader of wrong content stumbles over, and the words in which the same types tell of
# memory, permissions and devices
_OF_CONTENT = (ValueError, KeyError, AttributeError, TypeError, FileNotFoundError)
_ELSEWHERE = re.compile(
    "RESOURCE_EXHAUSTED|PERMISSION_DENIED|UNAVAILABLE|CANCELLED|ABORTED|[Dd]evice"
)


def orbax() -> Any:
    """The library, imported when there is something to save or to read.

    Raises:
      ImportError: it is not installed.
    """
    try:
        from orbax.checkpoint import v1
    except ImportError as error:
        raise lacking("A checkpoint", "orbax-checkpoint", "experiments") from error
    return v1


def leaves(tree: Any) -> Leaves:
    """The shape and type of every leaf, by its path, "encoder/kernel"; of arrays or metadata.

    ValueError where there is none: it is what a damaged folder seems to hold.
    """
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    if not found:
        raise ValueError("A tree without arrays.")
    return {_name(path): _form(leaf) for path, leaf in found}


def check_same(folder: Path, saved: Leaves, expected: Leaves) -> None:
    """ValueError that names the folder and the first leaves that differ, if any do."""
    if saved == expected:
        return
    names = sorted(name for name in saved | expected if saved.get(name) != expected.get(name))
    differences = "; ".join(
        f"{name}: saved {_text(saved.get(name))}, expected {_text(expected.get(name))}"
        for name in names[:_SHOWN]
    )
    more = f" (and {len(names) - _SHOWN} more)" if len(names) > _SHOWN else ""
    raise ValueError(
        f"{folder} is of another architecture or optimizer. {differences}{more}."
        " Load it with the model, optimizer and options that it was saved with."
    )


@contextlib.contextmanager
def reading(folder: Path, remedy: str) -> Iterator[None]:
    """Whatever goes wrong inside names the folder.

    Raises:
      ValueError: its content is known to be wrong; the message ends in the remedy.
      OSError: it cannot be read for another reason, of which the content may be innocent.
    """
    try:
        yield
    except Exception as error:  # orbax's own are of many types, and none names the file
        _check_readable(folder)
        cause = _cause(error)
        if not isinstance(cause, _OF_CONTENT) or _ELSEWHERE.search(str(cause)):
            reason = f"{type(cause).__name__}: {cause}".splitlines()[0]
            raise OSError(
                f"{folder} cannot be read here ({reason}). Nothing says that it is damaged: keep"
                " it, and try again where there is what it needs."
            ) from error
        raise ValueError(
            f"{folder} is damaged, or no checkpoint: it cannot be read ({type(cause).__name__})."
            f" {remedy}"
        ) from error


def check_content(folder: Path, found: int, expected: int | None, remedy: str) -> None:
    """ValueError unless these checksums agree: files can rot and still be read."""
    if found != expected:
        raise ValueError(
            f"{folder} is damaged: its content is not what was saved (the checksums differ)."
            f" {remedy}"
        )


def checksum(tree: Any) -> int:
    """A CRC-32 of all names, shapes, types and values, in the order of the names."""
    found, _ = jax.tree_util.tree_flatten_with_path(jax.tree.map(_numbers, tree))
    # fetched together: from a device each by itself would be waited for
    names, values = [_name(path) for path, _ in found], jax.device_get([leaf for _, leaf in found])
    crc = 0
    for name, leaf in sorted(zip(names, values, strict=True), key=lambda pair: pair[0]):
        crc = zlib.crc32(f"{name} {_form(leaf)}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).data, crc)
    return crc


def checksum_json(value: Any) -> int:
    """A CRC-32 of a value that JSON can hold."""
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def _numbers(leaf: Any) -> Any:
    """The leaf; of a key its numbers."""
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def forms(metadata: Any) -> Any:
    """The shapes and types of a checkpoint's metadata. Where its arrays once were is not asked:
    those devices may not be here."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), metadata)


def abstract(tree: Any) -> Any:
    """The tree's shapes and types, and where its arrays are: what orbax loads into.

    That is where those of `tree` are; the first device of this process, where they do not say it
    (shapes and types).
    """
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])

    def form(leaf: Any) -> jax.ShapeDtypeStruct:
        where = getattr(leaf, "sharding", None) or here
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where)

    return jax.tree.map(form, tree)


def _check_readable(folder: Path) -> None:
    """OSError, naming the file, where one of the folder cannot be read."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            with path.open("rb") as file:
                file.read(1)


def _cause(error: BaseException) -> BaseException:
    """What an error began with: orbax wraps it, more than once."""
    before = error.__cause__ or error.__context__
    if before is None or isinstance(before, StopIteration):
        return error
    return _cause(before)


def _form(leaf: Any) -> tuple[tuple[int, ...], str]:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.eval_shape(jax.random.key_data, leaf)  # a key is saved as its bits
    return tuple(leaf.shape), str(leaf.dtype)


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _text(leaf: tuple[tuple[int, ...], str] | None) -> str:
    return "nothing" if leaf is None else f"{leaf[1]} {list(leaf[0])}"
