"""Which codes a data set is encoded by."""

from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.distributions import Quantised
from vae_jax.evaluate.examples import over_examples
from vae_jax.evaluate.support import check_support
from vae_jax.models import VAE
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


class CodeUse(NamedTuple):
    """How often each code is chosen, over all positions of all examples.

    Fields:
      counts: [P, K], of each part of an index: a group, a stage; 1 of a plain codebook. Of a stage
        that is never in use zeros.
      perplexity: exp of the entropy of their frequencies, in 1 .. K; of several parts, of the mean
        of their entropies.
      usage: the fraction of the P K codes that are chosen at all. Both are of the stages in use.
    """

    counts: np.ndarray
    perplexity: float
    usage: float


def code_use(
    model: VAE, params: Params, data: Batch, *, batch_size: int = 500, progress: Progress = iter
) -> CodeUse:
    """Usage and perplexity of a model's codes on a data set, all of it together.

    The terms `usage` and `perplexity` are those of a batch.

    Args:
      model: with codes, see `models.with_codebook`.
      params: of it.
      data: {"x": [N, ...], "c": [N, ...]}.
      batch_size, progress: as of `elbos`.

    Raises:
      TypeError: a model without codes. ValueError: as `check_support`.
    """
    index = code_indices(model, params, data, batch_size=batch_size, progress=progress)
    values = num_codes(model, params, data)
    parts = index.reshape(-1, index.shape[-1]).T
    counts = np.stack([np.bincount(part[part < values], minlength=values) for part in parts])
    used = counts[counts.sum(axis=1) > 0]  # K is the index of a stage that is left out
    frequency = used / used.sum(axis=1, keepdims=True)
    log_frequency = np.log(np.where(frequency > 0, frequency, 1.0))  # 0 log 0 = 0
    entropy = -(frequency * log_frequency).sum(axis=1)
    return CodeUse(counts, float(np.exp(entropy.mean())), float((used > 0).mean()))


def code_indices(
    model: VAE, params: Params, data: Batch, *, batch_size: int = 500, progress: Progress = iter
) -> np.ndarray:
    """The index of the codes of each example, [N, *positions, P] int, K of a stage that is left
    out; as `code_use`."""
    check_support(model, params, data, batch_size=batch_size)
    key = jax.random.key(0)  # unused: nothing is drawn
    return over_examples(_index, model, params, key, data, batch_size, progress, {})


def num_codes(model: VAE, params: Params, data: Batch) -> int:
    """K, of the codes that data are encoded by; raises as `code_use`."""
    x, c = jax.tree.map(lambda leaf: leaf[0], (data["x"], data.get("c")))
    return _quantised(jax.eval_shape(model.encode, params, x, c)).codes.size[1]


def _index(model: VAE, params: Params, key: Key, x: Event, c: Event) -> Array:
    del key
    return _quantised(model.encode(params, x, c)).index()


def _quantised(q: Any) -> Quantised:
    if not isinstance(q, Quantised):
        raise TypeError(
            f"These are numbers of codes, and q is a {type(q).__name__}: make a model with codes by"
            " models.with_codebook(model, num_codes), or another of its kind."
        )
    return q
