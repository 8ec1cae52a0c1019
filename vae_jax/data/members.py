"""Which of the arrays in an .npz are the examples, and which their labels."""

from pathlib import Path
from typing import NamedTuple

from vae_jax.data.numpy_files import header, names_in

_EXAMPLES = ("x", "images", "data")
_LABELS = ("label", "labels", "y")
_SPLITS = {"train": ("train",), "valid": ("valid", "val"), "test": ("test",)}


class Members(NamedTuple):
    """The names of the arrays of one split: its examples, and its labels if there are any."""

    x: str
    label: str | None


def find_members(path: Path, key: str | None = None) -> dict[str, Members]:
    """The arrays of each split of an .npy or .npz; whether letters are capital does not matter.

    Args:
      path: of the file.
      key: what the examples are called. None looks for x_train (or train_x) with x_test and
        x_valid; else for x; each of them may be called images or data too; else for the one array
        that is no label. Labels are called label, labels or y, and are looked for likewise.

    Returns:
      {"train": ...}, with "valid" and "test" where the file has them.

    Raises:
      ValueError: the examples, or their labels, cannot be told; the message says what there is.
    """
    names = {name.lower(): name for name in names_in(path)}
    if key is not None:
        if key not in names.values():
            raise ValueError(f"{path} holds no array {key!r}; it holds {_listed(path)}.")
        return {"train": Members(key, _one(path, names, _LABELS))}
    found = {split: _of_split(path, names, words) for split, words in _SPLITS.items()}
    splits = {split: members for split, members in found.items() if members}
    return splits if "train" in splits else {"train": _of_no_split(path, names)}


def _of_split(path: Path, names: dict[str, str], words: tuple[str, ...]) -> Members | None:
    def named(kinds: tuple[str, ...]) -> str | None:
        both = [(f"{kind}_{word}", f"{word}_{kind}") for kind in kinds for word in words]
        return _one(path, names, tuple(name for pair in both for name in pair))

    x = named(_EXAMPLES)
    return None if x is None else Members(x, named(_LABELS))


def _of_no_split(path: Path, names: dict[str, str]) -> Members:
    label = _one(path, names, _LABELS)
    known = _one(path, names, ("x",)) or _one(path, names, _EXAMPLES)
    others = [name for name in names.values() if name != label]
    if known is None and len(others) != 1:
        raise ValueError(
            f"{path} holds {_listed(path)}, and the examples cannot be told: say which they are,"
            f' key="{others[0] if others else "x"}" (--key), or name them x, numpy.savez(path,'
            " x=examples, label=classes)."
        )
    return Members(known or others[0], label)


def _one(path: Path, names: dict[str, str], wanted: tuple[str, ...]) -> str | None:
    there = [names[name] for name in wanted if name in names]
    if len(there) > 1:
        raise ValueError(
            f"{path} holds both {' and '.join(there)}: save one of them, or say which are the"
            " examples, key= (--key)."
        )
    return there[0] if there else None


def _listed(path: Path) -> str:
    """The arrays of a file, with type and shape: "a float32 [5, 3], b int64 [5]"."""

    def one(name: str) -> str:
        shape, dtype = header(path, name)
        return f"{name} {dtype} {list(shape)}"

    return ", ".join(map(one, names_in(path)))
