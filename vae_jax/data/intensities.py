"""Arrays as intensities: where their channels are, and what their numbers lie in."""

from typing import NamedTuple

import numpy as np

from vae_jax.data.checks import check_array, check_range

LAYOUTS = ("NHWC", "NCHW")
_MOST_LEVELS = 65536  # what `dequantise` can tell apart


class Form(NamedTuple):
    """How stored numbers become intensities; None where it is not said.

    Fields:
      layout: "NHWC" or "NCHW" of arrays of rank 4; of others "NHW" or "ND", by their rank.
      levels: of integers, 0 .. levels - 1; 1 of floats.
      signed: whether floats lie in [-1, 1] and not in [0, 1]: these become (x + 1) / 2.
    """

    layout: str | None = None
    levels: int | None = None
    signed: bool | None = None


UNSAID = Form()
BYTES = Form("NHWC", 256, False)  # of image files


def find_form(arrays: list[np.ndarray], said: Form, name: str) -> Form:
    """The form of the arrays of one data set: as said, and by their look where nothing is said.

    Args:
      arrays: x of each split, of one rank and of one kind of numbers.
      said: what is known.
      name: what to call the first in a message.

    Returns:
      A Form without None. Integers are of 2 levels where none is above 1, else of 256; floats are
      signed where one is below -0.5.

    Raises:
      TypeError: the values are not numbers.
      ValueError: there is no example, or a value is NaN or infinite; the shape is another, or
        does not tell where the channels are; the lowest float is a little below 0; levels are
        said that there cannot be.
    """
    for x in arrays:
        check_array(x, name)
    check_levels(said.levels)
    x = arrays[0]
    layout = layout_of(x.shape, said.layout, name)
    if is_of_floats(x, said.levels):
        lowest = min(float(x.min()) for x in arrays)
        return Form(layout, 1, _is_signed(lowest, name) if said.signed is None else said.signed)
    highest = max(x.max() for x in arrays)
    return Form(layout, said.levels or (2 if highest <= 1 else 256), False)


def layout_of(shape: tuple[int, ...], said: str | None, name: str) -> str:
    """Where the channels of an array are; ValueError where that is neither said nor plain.

    [N, A, B, C] is taken for [N, H, W, C] where C is 1, or less than A and than B: then it cannot
    be [N, C, H, W] of wide images.
    """
    if said not in (None, "NHW", "ND", *LAYOUTS):
        raise ValueError(f"layout={said!r} was given, and there are {' and '.join(LAYOUTS)}.")
    if len(shape) in (2, 3):
        return "ND" if len(shape) == 2 else "NHW"
    if len(shape) != 4:
        raise ValueError(
            f"{name} has shape {list(shape)}, and [N, H, W, C], [N, H, W] or [N, D] is needed:"
            " reshape it; a single example is x[None]."
        )
    if said in LAYOUTS:
        return said
    _, A, B, C = shape
    if C == 1 or (C < A and C < B):
        return "NHWC"
    raise ValueError(
        f"{name} has shape {list(shape)}, which may be [N, C, H, W], {A} channels of {B}x{C}, or"
        f' [N, H, W, C], {C} channels of {A}x{B}: say which, layout="NCHW" or layout="NHWC"'
        " (--layout)."
    )


def in_form(x: np.ndarray, form: Form, name: str) -> np.ndarray:
    """The examples as intensities.

    Args:
      x: as stored.
      form: how it is read, without None.
      name: what to call it in a message.

    Returns:
      [N, H, W, C] or [N, D]: uint8, or uint16 of more than 256 levels; or float32 in [0, 1].

    Raises:
      TypeError: the values are not numbers.
      ValueError: a value is NaN, infinite, or outside the range of the form.
    """
    if x.dtype == np.uint8 and form.levels == 256:
        return with_channels_last(x, form.layout)  # bytes need no look at each
    check_array(x, name)
    numbers = _floats(x, form, name) if form.levels == 1 else _integers(x, form.levels or 256, name)
    return with_channels_last(numbers, form.layout)


def with_channels_last(x: np.ndarray, layout: str | None) -> np.ndarray:
    """[N, H, W, C] of any images, [N, D] of vectors."""
    if layout == "NCHW":
        return np.moveaxis(x, 1, -1)
    return x[..., None] if layout == "NHW" else x


def told(x: np.ndarray, form: Form) -> str:
    """How stored examples are read: "uint8 [9, 8, 8, 3], as [N, H, W, C] of 256 levels"."""
    axes = ", ".join(form.layout or "")
    levels = f"{form.levels} levels, 0 .. {(form.levels or 1) - 1}"
    floats = "floats in [-1, 1], brought to [0, 1]" if form.signed else "floats in [0, 1]"
    return f"{x.dtype} {list(x.shape)}, as [{axes}] of {floats if form.levels == 1 else levels}"


def check_levels(levels: int | None) -> None:
    """ValueError unless they are None or 1 .. 65536."""
    if levels is not None and not 1 <= levels <= _MOST_LEVELS:
        raise ValueError(
            f"levels={levels} was given, and 1 .. {_MOST_LEVELS} are needed: 256 of bytes, 2 of"
            " 0 and 1, 1 of floats."
        )


def is_of_floats(x: np.ndarray, levels: int | None) -> bool:
    """Whether x is of floats; where integers are said, floats may hold them."""
    return bool(np.issubdtype(x.dtype, np.floating)) and levels in (None, 1)


def _is_signed(lowest: float, name: str) -> bool:
    if -0.5 < lowest < 0:
        raise ValueError(
            f"{name} has floats down to {lowest:.4g}, which may be of [-1, 1], or of [0, 1] with"
            " some below it, as resizing makes them: say signed=True (--signed True), or clip them,"
            " x.clip(0, 1)."
        )
    return lowest < 0


def _floats(x: np.ndarray, form: Form, name: str) -> np.ndarray:
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            f"{name} has dtype {x.dtype}, and floats (levels=1) are needed: convert them, or say"
            " levels=256."
        )
    check_range(x, name, -1 if form.signed else 0, 1, _remedy_of_floats(x))
    x = x.astype(np.float32)
    return (x + 1) / 2 if form.signed else x


def _integers(x: np.ndarray, levels: int, name: str) -> np.ndarray:
    floats = np.issubdtype(x.dtype, np.floating)
    if not (floats or x.dtype == bool or np.issubdtype(x.dtype, np.integer)):
        raise TypeError(f"{name} has dtype {x.dtype}, and bool, integers or floats are needed.")
    if floats and not _is_whole(x):
        raise ValueError(
            f"{name} has fractions, and integers of {levels} levels are needed: convert them, or"
            " say levels=1, of floats."
        )
    check_range(x, name, 0, levels - 1, _remedy_of_integers(x))
    return x.astype(np.uint8 if levels <= 256 else np.uint16)


def _is_whole(x: np.ndarray) -> bool:
    return bool((x == np.rint(x)).all())


def _remedy_of_floats(x: np.ndarray) -> str:
    low, high = float(x.min()), float(x.max())
    if low >= 0 and _is_whole(x) and high < _MOST_LEVELS:
        least = 256 if high < 256 else int(high) + 1
        return f"they are whole, 0 .. {high:g}: say levels={least} (--levels {least})"
    if low >= 0:
        return "divide by the largest that there can be"
    return (
        "floats in [-1, 1] are read too; what was standardised is brought back by x * scale + mean,"
        f" and any other range, here {low:.4g} .. {high:.4g}, to [0, 1] by (x - low) / (high - low)"
    )


def _remedy_of_integers(x: np.ndarray) -> str:
    low, high = x.min(), x.max()
    if low < 0:
        return f"subtract the smallest that there can be, e.g. x - ({low:g})"
    if high < _MOST_LEVELS:
        return f"say levels={int(high) + 1} (--levels {int(high) + 1}), or as many as there can be"
    return "divide by the largest, as floats in [0, 1]"
