"""Is this data fit to train on? Asked on the host, where values can raise."""

from typing import Any

import jax.numpy as jnp
import numpy as np


def check_array(x: Any, name: str, gaps: bool = False) -> None:
    """Raise unless `x` holds examples, numbers, and only finite ones.

    Args:
      x: examples, [N, ...]: an array, or what numpy makes one of.
      name: what to call it in the message.
      gaps: whether NaN stands for what is missing, and is let through.

    Raises:
      TypeError: the values are not numbers.
      ValueError: there is no example, or a value is NaN or infinite.
    """
    x = np.asarray(x)
    if not (jnp.issubdtype(x.dtype, jnp.number) or x.dtype == bool):
        raise TypeError(
            f"{name} has dtype {x.dtype}, and numbers are needed: a rectangular array [N, ...], as"
            f" np.stack or {name}.astype(np.float32) gives."
        )
    if x.ndim == 0 or x.size == 0:
        raise ValueError(
            f"{name} has shape {x.shape}: no example. Needed is [N, ...] with N >= 1 and no empty"
            f" axis; a single example is {name}[None]."
        )
    if not gaps:
        _check_none(np.isnan(x), name, "NaN", "replace them or leave these examples out")
    _check_none(np.isinf(x), name, "infinite", "look for an overflow or a division by zero")


def check_range(x: np.ndarray, name: str, low: int, high: int, remedy: str) -> None:
    """ValueError, with the first that is not, unless all of `x` lies in low .. high."""
    bad = (x < low) | (x > high)
    if bad.any():
        first = _first(bad)
        raise ValueError(
            f"{name} {list(x.shape)} has {np.count_nonzero(bad)} values outside {low} .. {high},"
            f" the first, {x[first]}, at index {first}: {remedy}."
        )


def _check_none(bad: np.ndarray, name: str, kind: str, remedy: str) -> None:
    if not bad.any():
        return
    raise ValueError(
        f"{name} {list(bad.shape)} has {np.count_nonzero(bad)} {kind} values, the first at index"
        f" {_first(bad)}: {remedy}."
    )


def _first(bad: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(np.argmax(bad), bad.shape))
