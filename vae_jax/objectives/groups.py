"""Groups of parameters that follow objectives of their own, from the same draws."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from vae_jax.models import learned
from vae_jax.objectives.objective import Aux, Objective
from vae_jax.types import Array, Batch, Key, Params


def per_group(objectives: Mapping[str, Objective]) -> Objective:
    """Each group of parameters follows an objective of its own.

        d loss / d params[g] = d objectives[g] / d params[g],   loss = sum_g objectives[g]

    All of them have the same key, so that their draws are the same, and one optimizer descends the
    whole (players in turn, with draws and optimizers of their own, are `train.alternate`). PIWAE,
    whose decoder follows the tighter bound of M * K draws, and whose encoder that of M groups of K:

        per_group({
            "decoder": importance_weighted(model, iwae_bound(), num_draws=M * K),
            "encoder": importance_weighted(model, miwae_bound(M), num_draws=M * K),
        })

    Args:
      objectives: one for each group of params but "state".

    Returns:
      Objective. The loss is a sum of losses, of which nothing but the gradient is of use: it is a
      bound on nothing. Metrics: "loss", and each objective's under "group/name". The state to carry
      is that of the first objective that has one: of one model, under one key, they are the same.

    Raises:
      ValueError: no objectives; and, when it is traced, a group without an objective, or an
        objective of a group that the parameters have not.

    Reference: Rainforth et al. 2018, arXiv 1802.04537, "New estimators" (PIWAE).
    """
    objectives = dict(objectives)
    if not objectives:
        raise ValueError("per_group needs an objective for each group of parameters; got none.")

    def objective(params: Params, key: Key, batch: Batch, step: Array) -> tuple[Array, Aux]:
        _check_groups(set(objectives), set(learned(params)))
        losses: list[Array] = []
        metrics: dict[str, Array] = {}
        state: Params = None
        for group, own in objectives.items():
            value, aux = own(_only(group, params), key, batch, step)
            losses.append(value)
            state = aux.state if state is None else state
            metrics |= {f"{group}/{name}": number for name, number in aux.metrics.items()}
        loss = jnp.sum(jnp.stack(losses))
        return loss, Aux({"loss": loss, **metrics}, state)

    return objective


def _only(group: str, params: Params) -> Params:
    """The parameters, of which one group alone has a derivative."""
    return {**jax.lax.stop_gradient(params), group: params[group]}


def _check_groups(given: set[str], groups: set[str]) -> None:
    if given != groups:
        raise ValueError(
            f"per_group needs an objective for each of the groups {sorted(groups)}: it lacks"
            f" {sorted(groups - given)}, and has {sorted(given - groups)}, which are not there."
        )
