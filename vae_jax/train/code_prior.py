"""A prior of codes, fitted when these have been learned."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from vae_jax import evaluate
from vae_jax.checks import check_count, event_shape
from vae_jax.evaluate.codes import num_codes
from vae_jax.models import VAE, with_code_prior
from vae_jax.models.modules import prior_function, with_module
from vae_jax.models.state import parted
from vae_jax.networks import CodeTransformer
from vae_jax.objectives import Aux, Objective, over_batch
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.epochs import steps_of, train_epoch
from vae_jax.train.steps import descend
from vae_jax.types import Array, Batch, Event, Key, Params


class FittedCodes(NamedTuple):
    """A model of codes with a prior that was fitted to them.

    Fields:
      model, params: the same model and parameters, but for the prior.
      nats: the mean of -log p(index) over the training data, of each epoch while it was learned.
      uniform: what it is by the uniform prior.
    """

    model: VAE
    params: Params
    nats: list[float]
    uniform: float


def fit_code_prior(
    model: VAE,
    params: Params,
    data: Batch,
    *,
    key: Key,
    prior: nn.Module | None = None,
    epochs: int = 10,
    batch_size: int = 100,
    learning_rate: float = 2e-3,
) -> FittedCodes:
    """Fit a prior to the codes of a data set: what is drawn of it is decoded to new examples.

    The data are encoded once; then -log p(index | c) is descended, by Adam whose rate falls to zero
    along a cosine. Nothing else of the model is changed. What it gains on held-out data:

        fitted = fit_code_prior(model, params, train, key=key)
        before = evaluate.elbos(model, params, key, test)
        after = evaluate.elbos(fitted.model, fitted.params, key, test, rate=sampled_rate)

    Args:
      model, params: of codes, see `models.with_codebook`.
      data: {"x": [N, ...], "c": [N, ...]}, prepared.
      key: of the first parameters and of the order.
      prior: as in `models.with_code_prior`; None for a `CodeTransformer` of no condition.
      epochs, batch_size: of the fit.
      learning_rate: at its start.

    Raises:
      TypeError: a model without codes. ValueError: fewer examples than one batch; stages that are
        left out; as `evaluate.check_support`.

    Reference: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv 1711.00937, section 3.3.
    """
    check_count("epochs", epochs)
    index = evaluate.code_indices(model, params, data)
    values = num_codes(model, params, data)
    _check_all_stages(index, values)
    module = prior or CodeTransformer(int(np.prod(index.shape[1:])), values)
    changed = with_code_prior(model, module)
    first_key, order_key = jax.random.split(key)
    c = jax.tree.map(lambda leaf: leaf[0], data.get("c"))
    steps = epochs * steps_of(size_of(data), batch_size)
    optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))
    step = descend(_likelihood(model, module), optimizer)
    state = step.init(order_key, with_module({}, "prior", module, first_key, c))
    nats = []
    for _ in range(epochs):
        state, metrics = train_epoch(step, state, {**data, "x": index}, batch_size=batch_size)
        nats.append(float(np.mean(metrics["loss"])))
    uniform = float(index[0].size * np.log(values))
    return FittedCodes(changed, {**params, **state.params}, nats, uniform)


def _check_all_stages(index: np.ndarray, values: int) -> None:
    if np.any(index >= values):
        raise ValueError(
            f"A prior of codes is fitted to indices below {values}, and some of these are {values}:"
            " stages that are left out. Fit it to the model of the stages in use, at_depth(model,"
            " depth), whose codes have no others."
        )


def _likelihood(model: VAE, module: nn.Module) -> Objective:
    """-log p(index), of the prior's parameters alone."""
    indices_of, alone = prior_function(module), model._replace(update_state=None)

    def example(params: Params, key: Key, x: Array, c: Event) -> tuple[Array, Params]:
        p, _ = parted(indices_of(params, c, key))
        return -p.log_prob(x.reshape(event_shape(p, key))), None

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        del step
        values, _ = over_batch(example, alone, params, key, batch)
        return jnp.mean(values), Aux({"loss": jnp.mean(values)})

    return objective
