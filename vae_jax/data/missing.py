"""Data of which a part is missing."""

from typing import Any

import jax
import numpy as np

from vae_jax.types import Batch, Event


def observed(x: Event) -> Batch:
    """Examples with NaN where a value is missing, as {"x": ..., "c": the mask of what is there}.

        decoder = masked(Network(body, head), lambda mask: mask, told=False)

    NaN are zeros in x, which the encoder reads and no bound scores; see `distributions.Masked` and
    `evaluate.impute`. Standardise before, by what is there: `standardise` leaves NaN out, and 0 is
    then the mean.

    Args:
      x: arrays of floats, [N, ...].

    Returns:
      {"x": without NaN, "c": bool, of its shapes}.

    Raises:
      TypeError: an array that is not of floats, which has no NaN.
      ValueError: an example of which nothing is there.
    """
    mask = jax.tree.map(_there, x)
    there = [leaf.reshape(len(leaf), -1).any(axis=1) for leaf in jax.tree.leaves(mask)]
    empty = ~np.any(there, axis=0)
    if empty.any():
        raise ValueError(
            f"{np.count_nonzero(empty)} examples have no value at all, the first x"
            f"[{np.argmax(empty)}]: leave them out."
        )
    filled = jax.tree.map(lambda leaf, own: np.where(own, leaf, 0).astype(leaf.dtype), x, mask)
    return {"x": filled, "c": mask}


def _there(leaf: Any) -> np.ndarray:
    leaf = np.asarray(leaf)
    if leaf.dtype.kind != "f":
        raise TypeError(f"observed takes floats, with NaN for what is missing; got {leaf.dtype}.")
    return ~np.isnan(leaf)
