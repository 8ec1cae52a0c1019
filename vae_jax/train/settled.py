"""What of the state is a mean over the training data, at parameters that stand still."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from vae_jax import hosts
from vae_jax.data import Prepare, Source, prepare_fixed
from vae_jax.data.sources import read_example
from vae_jax.evaluate.examples import over_examples
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Batch, Event, Key, Params

_PART = 10_000  # examples that are prepared together


def settled(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch | Source,
    *,
    prepare: Prepare | None = None,
    batch_size: int = 100,
) -> Params:
    """The parameters, ready for an evaluation: the state's entries that are means over the training
    data (`VAE.over_data`), by these parameters.

    `fit` calls it before each evaluation; whoever trains by `train_epoch` calls it before his own.

    Args:
      model: the VAE.
      params: as they are to be evaluated: averages, where the step keeps some.
      key: of the draws and of the preparation.
      data: the training data, as `fit` takes them.
      prepare: (key, example) -> example.
      batch_size: how many examples at once, at most.

    Returns:
      The same, but for the entries; of a model without such the parameters themselves.

    Raises:
      ValueError: no data.
    """
    if model.over_data is None:
        return params
    draw_key, prepare_key = jax.random.split(key)
    sums: Any = None
    number = 0
    for part, examples in enumerate(_parts(data)):
        if prepare is not None:
            examples = prepare_fixed(prepare, jax.random.fold_in(prepare_key, part), examples)
        own = jax.random.fold_in(draw_key, part)
        each = over_examples(_entries, model, params, own, examples, batch_size, iter, {})
        added = jax.tree.map(lambda leaf: leaf.sum(axis=0, dtype=np.float64), each)
        sums = added if sums is None else jax.tree.map(np.add, sums, added)
        number += size_of(examples)
    means = jax.tree.map(lambda total: np.asarray(total / number, np.float32), sums)
    return {**params, "state": {**params["state"], **means}}


def _entries(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Params:
    assert model.over_data is not None
    return model.over_data(model, params, key, x, c)


def _parts(data: Batch | Source) -> Iterator[Batch]:
    N = size_of(data) if isinstance(data, dict) else len(data)
    for start in range(0, max(N, 1), _PART):
        stop = min(start + _PART, N)
        if isinstance(data, dict):
            yield hosts.rows(data, slice(start, stop))
            continue
        read = [read_example(data, i) for i in range(start, stop)]
        yield jax.tree.map(lambda *leaves: np.stack(leaves), *read)
