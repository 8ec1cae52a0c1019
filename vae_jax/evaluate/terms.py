"""Terms of held-out data."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import devices, hosts
from vae_jax.bounds.draws import by_itself, draw_keys, sample_keys
from vae_jax.checks import check_count
from vae_jax.evaluate.products import exact_products
from vae_jax.models import VAE, trace
from vae_jax.objectives import Draw, Term, check_terms, term_values
from vae_jax.objectives import batch_size as size_of
from vae_jax.types import Array, Batch, Event, Key, Params, Progress


def terms(
    model: VAE,
    params: Params,
    key: Key,
    data: Batch,
    terms: Sequence[Term],
    *,
    num_samples: int = 1,
    batch_size: int = 100,
    progress: Progress = iter,
) -> dict[str, np.ndarray]:
    """Terms of held-out data, as a loss has them: a codebook's perplexity, a total correlation, ...

    The axis "batch" is there, so that a term may pool over its batch; the step is None, and dropout
    is off. A term that pools depends on `batch_size`, and a batch that is not full would be another
    estimate, or see some example twice: the N mod B examples last in the data are left out.

    Args:
      model, params: the VAE.
      key: one key for the whole evaluation.
      data: {"x": [N, ...], "c": [N, ...]}.
      terms: as for `weighted_sum`; weights are not used.
      num_samples: K draws for each example.
      batch_size: B, the examples that a term sees together.
      progress: wraps the loop over the batches.

    Returns:
      {name: [N - N mod B]}, the mean over draws for each example, in the order of the data.

    Raises:
      ValueError: fewer examples than one batch; terms as `weighted_sum` refuses them.
    """
    named = tuple(term._replace(weight=1.0) for term in check_terms(terms))  # weights: not asked
    check_count("num_samples", num_samples)
    check_count("batch_size", batch_size)
    N = size_of(data)
    if batch_size > N:
        raise ValueError(f"{N} examples do not fill a batch of {batch_size}: pass batch_size={N}.")
    among = devices.of_batch(batch_size)  # of so many: a term may pool
    params, key = devices.everywhere((params, by_itself(key)), among)
    rows = []
    for start in progress(range(0, N - N % batch_size, batch_size)):
        index = np.arange(start, start + batch_size)
        batch = jax.tree.map(lambda leaf, index=index: leaf[index], data)
        index, batch = devices.apart((index, batch), among)
        with exact_products():
            rows.append(_batch(named, num_samples, model, params, key, index, batch))
    rows = hosts.fetched(rows)
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@partial(jax.jit, static_argnames=("terms", "num_samples", "model"))
def _batch(
    terms: tuple[Term, ...],
    num_samples: int,
    model: VAE,
    params: Params,
    key: Key,
    index: Array,
    batch: Batch,
) -> dict[str, Array]:
    def example(key: Key, x: Event, c: Event) -> dict[str, Array]:
        draw_key, term_key = jax.random.split(key)

        def draw(k: Key, own: Key) -> dict[str, Array]:
            return term_values(terms, Draw(trace(model, params, k, x, c), x, c, params, own, None))

        keys = (draw_keys(k, num_samples) for k in (draw_key, term_key))
        return jax.tree.map(jnp.mean, jax.vmap(draw)(*keys))

    each = jax.vmap(example, axis_name="batch")
    return each(sample_keys(key, index), batch["x"], batch.get("c"))
