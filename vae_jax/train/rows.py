"""The rows that `fit` reports: means over an epoch, and scores of held-out data."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vae_jax import evaluate, hosts
from vae_jax.models import learned
from vae_jax.train.averages import Averaged, average_params
from vae_jax.train.finite import all_finite
from vae_jax.train.records import Now, Row, Settings
from vae_jax.train.steps import Metrics, TrainState

STREAM = 2**32 - 3  # of the key of training; steps and epochs do not reach it


class Seen(NamedTuple):
    """What the host sees of an epoch.

    Fields:
      metrics: of every step, [steps] each.
      step: the steps done, [] int.
      finite: whether each learned array is, [] bool.
      learning_rates: of the optimizer, or of each player's, by name.
    """

    metrics: Metrics
    step: Any
    finite: Any
    learning_rates: dict[str, Any]


def look(state: TrainState, metrics: Metrics) -> Seen:
    """What there is to see after an epoch, on the device."""
    finite = all_finite(learned(state.params))
    return Seen(metrics, state.step, finite, _learning_rates(state.opt_state))


def seen_of(state: TrainState, metrics: Metrics) -> Seen:
    """The same, fetched together: of a device that is far away each fetch is waited for."""
    return hosts.fetched(look(state, metrics))


def train_row(
    epoch: int, seen: Seen, seconds: float, batch_size: int | None, bound: str | None = "bound"
) -> Row:
    """Means over an epoch, and how fast it was (of `batch_size` None, an epoch that compiled);
    `bound` is what a bound is called, None where there is none."""
    means = {name: evaluate.mean(values).value for name, values in seen.metrics.items()}
    if bound and {"distortion", "rate"} <= set(means) and "bound" not in means:
        means["bound"] = -means["distortion"] - means["rate"]
    means = {_called(name, bound or "bound"): value for name, value in means.items()}
    rates = {name: float(rate) for name, rate in seen.learning_rates.items()}
    row = {"data": "train", "epoch": epoch, "step": int(seen.step), **means, **rates}
    row["seconds"] = seconds
    if batch_size is not None:
        row["examples_per_second"] = batch_size * len(next(iter(seen.metrics.values()))) / seconds
    return row


def _called(name: str, bound: str) -> str:
    """The name of a metric; of a bound, or that of a group, what it is called."""
    group, slash, own = name.rpartition("/")
    return f"{group}{slash}{bound}" if own == "bound" else name


def bound_of(settings: Settings) -> str | None:
    """What the bound of training is called: of a likelihood that is fitted to its batch it is
    none, and called so; where there is no rate, None."""
    if settings.rate is None:
        return None
    return "bound" if settings.model.over_data is None else "fitted_bound"


def held_out_row(settings: Settings, now: Now) -> Row:
    """The bound on the held-out examples, the same draws each time, and its parts; where there is
    no bound, the distortion."""
    key = jax.random.fold_in(now.state.key, STREAM)
    params = average_params(now.state)
    assert settings.held_out is not None
    rate = settings.rate or no_rate
    given = (settings.model, params, key, settings.held_out)
    bound = evaluate.elbos(*given, rate=rate, batch_size=settings.batch_size)
    elbo, row = evaluate.mean(bound.value), {"data": "held_out", "epoch": now.progress.epoch}
    if settings.rate is None:
        error = elbo.standard_error
        return {**row, "distortion": -elbo.value, "distortion_standard_error": error}
    return {
        **row,
        "elbo": elbo.value,
        "elbo_standard_error": elbo.standard_error,
        "distortion": evaluate.mean(bound.distortion).value,
        "rate": evaluate.mean(bound.rate).value,
    }


def no_rate(*seen: object) -> jax.Array:
    """0 nats, in the place of a rate where there is none."""
    del seen
    return jnp.zeros(())


def _learning_rates(opt_state: Any) -> dict[str, jax.Array]:
    """Of the optimizer, or of each player's, where it is injected (`optax.inject_hyperparams`)."""
    if isinstance(opt_state, Averaged):
        opt_state = opt_state.opt_state
    players = opt_state if isinstance(opt_state, dict) else {"": opt_state}
    found = {}
    for player, own in players.items():
        rates = optax.tree_utils.tree_get_all_with_path(own, "learning_rate")
        injected = [value for _, value in rates if isinstance(value, jax.Array)]
        if len(injected) == 1:
            found["/".join(filter(None, (player, "learning_rate")))] = injected[0]
    return found
