"""What `fit` refuses at its door: whatever would fail in its first step or its first evaluation.

Both are traced, by `jax.eval_shape`, and nothing is computed: what does not fit is known before the
first epoch, and not after it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.evaluate.scores import example_elbo
from vae_jax.train.averages import average_params
from vae_jax.train.epochs import trace_epoch, trace_step
from vae_jax.train.records import Settings
from vae_jax.train.steps import TrainState


def check_step(settings: Settings, state: TrainState) -> None:
    """Raise what the first step would, of data in memory or of a source."""
    data, how = settings.data, (settings.batch_size, settings.prepare)
    if isinstance(data, dict) and settings.scan:
        trace_epoch(settings.step, state, data, *how)
        return
    one = jax.tree.map(lambda leaf: leaf[0], data) if isinstance(data, dict) else data[0]
    batch = jax.tree.map(lambda leaf: _form(leaf, (settings.batch_size, *jnp.shape(leaf))), one)
    trace_step(settings.step, state, batch, settings.prepare)


def check_evaluation(settings: Settings, state: TrainState) -> None:
    """Raise what the first evaluation would, of one held-out example."""
    if settings.held_out is None:
        return
    one = jax.tree.map(lambda leaf: _form(leaf, jnp.shape(leaf)[1:]), settings.held_out)

    def evaluation(params: Any, x: Any, c: Any) -> Any:
        key = jax.random.key(0)  # only shapes matter
        return example_elbo(settings.model, params, key, x, c, 1, settings.rate)

    jax.eval_shape(evaluation, average_params(state), one["x"], one.get("c"))


def _form(leaf: Any, shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype))
