"""The rows that `fit` reports: means over an epoch, and scores of held-out data."""

import jax
import numpy as np
import optax

from vae_jax import evaluate
from vae_jax.train.averages import average_params
from vae_jax.train.records import Now, Row, Settings
from vae_jax.train.steps import Metrics, TrainState

STREAM = 2**32 - 3  # of the key of training; steps and epochs do not reach it


def train_row(
    epoch: int, state: TrainState, metrics: Metrics, seconds: float, batch_size: int | None
) -> Row:
    """Means over an epoch, and how fast it was (of `batch_size` None, an epoch that compiled)."""
    means = {name: float(values.mean()) for name, values in metrics.items()}
    if {"distortion", "rate"} <= set(means) and "bound" not in means:
        means["bound"] = -means["distortion"] - means["rate"]
    row = {"data": "train", "epoch": epoch, "step": int(state.step), **means}
    rates = optax.tree_utils.tree_get_all_with_path(state.opt_state, "learning_rate")
    injected = [value for _, value in rates if isinstance(value, jax.Array)]
    if len(injected) == 1:
        row["learning_rate"] = float(injected[0])
    row["seconds"] = seconds
    if batch_size is not None:
        row["examples_per_second"] = batch_size * len(next(iter(metrics.values()))) / seconds
    return row


def held_out_row(settings: Settings, now: Now) -> Row:
    """The bound on the held-out examples, the same draws each time, and its parts."""
    key = jax.random.fold_in(now.state.key, STREAM)
    params = average_params(now.state)
    assert settings.held_out is not None
    bound = evaluate.elbos(settings.model, params, key, settings.held_out, rate=settings.rate)
    elbo = evaluate.mean(bound.value)
    return {
        "data": "held_out",
        "epoch": now.progress.epoch,
        "elbo": elbo.value,
        "elbo_standard_error": elbo.standard_error,
        "distortion": float(np.mean(bound.distortion)),
        "rate": float(np.mean(bound.rate)),
    }
