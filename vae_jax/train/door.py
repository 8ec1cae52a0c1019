"""What `fit` refuses at its door: whatever would fail in its first step or its first evaluation.

Both are traced, by `jax.eval_shape`, and nothing is computed: what does not fit is known before the
first epoch, and not after it. What only values tell, whether x is in the support and c in its
range, is computed, by the first parameters.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.data import prepare_fixed
from vae_jax.data.sources import read_example
from vae_jax.evaluate import check_conditions, check_support
from vae_jax.evaluate.scores import example_elbo
from vae_jax.models import latents, trace
from vae_jax.train.averages import average_params
from vae_jax.train.epochs import trace_epoch, trace_step
from vae_jax.train.records import Settings
from vae_jax.train.rows import no_rate
from vae_jax.train.steps import TrainState
from vae_jax.types import Batch, Key, Params


def check_step(settings: Settings, state: TrainState) -> None:
    """Raise what the first step would, of data in memory or of a source."""
    data, how = settings.data, (settings.batch_size, settings.prepare)
    if isinstance(data, dict) and settings.scan:
        trace_epoch(settings.step, state, data, *how)
        return
    if isinstance(data, dict):
        one = jax.tree.map(lambda leaf: leaf[0], data)
    else:
        one = read_example(data, 0)
    batch = jax.tree.map(lambda leaf: _form(leaf, (settings.batch_size, *jnp.shape(leaf))), one)
    trace_step(settings.step, state, batch, settings.prepare)


def check_values(settings: Settings, params: Params, first: Batch, key: Key) -> None:
    """ValueError for x outside the likelihood's support, of the first examples and those held out,
    and for conditions that the networks do not take, of all that are in memory.

    Args:
      settings: of the training.
      params: the first.
      first: the first examples, prepared.
      key: of the preparation.
    """

    def prepared(some: Batch) -> Batch:
        return some if settings.prepare is None else prepare_fixed(settings.prepare, key, some)

    if isinstance(settings.data, dict):
        check_conditions(settings.model, params, settings.data, prepared)
    check_support(settings.model, params, first)
    if settings.held_out is not None:
        check_support(settings.model, params, settings.held_out)


def check_evaluation(settings: Settings, state: TrainState) -> None:
    """Raise what the first evaluation would, of one held-out example."""
    if settings.held_out is None:
        return
    one = jax.tree.map(lambda leaf: _form(leaf, jnp.shape(leaf)[1:]), settings.held_out)
    key = jax.random.key(0)  # only shapes matter

    def evaluation(params: Any, x: Any, c: Any) -> Any:
        rate = settings.rate or no_rate
        bound = example_elbo(settings.model, params, key, x, c, 1, rate)
        return trace(settings.model, params, key, x, c).q, bound

    posterior, _ = jax.eval_shape(evaluation, average_params(state), one["x"], one.get("c"))
    if settings.rate is not None:
        _check_density(posterior)


def _check_density(posterior: Any) -> None:
    """ValueError where log q, or a part of it, is the mass of a point, and what is made of it no
    bound."""
    parts = {name: jax.tree.leaves(q.base_measure) for name, q in latents(posterior).items()}
    points = [name for name, measures in parts.items() if "point" in measures]
    if points:
        raise ValueError(
            f"The posterior of {', '.join(points)} is a Delta, or has one among its parts: its log"
            " q is a mass, not a density, and log p(x,z) - log q is no bound on log p(x). Pass"
            " rate=None, with which the distortion is reported and no bound; or use a posterior"
            " with a density, such as a Gaussian."
        )


def _form(leaf: Any, shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(np.asarray(leaf).dtype))
