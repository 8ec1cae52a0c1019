"""A function of one example, over a data set."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from vae_jax import devices
from vae_jax.batches import in_batches
from vae_jax.bounds.draws import by_itself, sample_keys
from vae_jax.evaluate.products import exact_products
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Key, Params, Progress


def over_examples(
    per_example: Callable[..., Any],
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    batch_size: int,
    progress: Progress,
    options: dict[str, Any],
    chunk_size: int | None = None,
) -> Any:
    """`per_example` of every example, as numpy arrays [N, ...]; as many at once as fit.

    Where `chunk_size` is given, `per_example` has it as an option: the draws it holds at once.
    """
    check_some(data)
    params, key = devices.everywhere((params, by_itself(key)), devices.of_all())

    def arguments(rows: Any, draws: int) -> tuple[Any, ...]:
        own = options if chunk_size is None else {**options, "chunk_size": draws}
        return per_example, tuple(own.items()), model, params, key, rows["index"], rows["data"]

    each = {"index": np.arange(size_of(data)), "data": data}
    draws = chunk_size or 1
    return in_batches(
        _batch, arguments, each, batch_size, draws=draws, progress=progress, call=alone
    )


def alone(f: Callable[..., Any], *args: Any) -> Any:
    """f(*args), by exact products. ValueError where it asks for a batch, which an example scored by
    itself has not."""
    try:
        with exact_products():
            return f(*args)
    except NameError as error:
        if "axis name" not in str(error):
            raise
        raise ValueError(
            f"This model, or its rate, asks for the batch of its example ({error}), and here each"
            ' example is scored by itself. The axis "batch" is there in training and in'
            " evaluate.terms; a model's parts ask for it only where they are given a key."
        ) from error


def check_some(data: Batch) -> None:
    """ValueError if there are no examples."""
    if size_of(data) == 0:
        raise ValueError("There are no examples: x has a leading axis of 0.")


@partial(jax.jit, static_argnames=("per_example", "options", "model"))
def _batch(
    per_example: Callable[..., Any],
    options: tuple[tuple[str, Any], ...],
    model: VAE,
    params: Params,
    key: Key,
    index: Array,
    batch: Batch,
) -> Any:
    each = jax.vmap(partial(per_example, **dict(options)), in_axes=(None, None, 0, 0, 0))
    return each(model, params, sample_keys(key, index), batch["x"], batch.get("c"))
