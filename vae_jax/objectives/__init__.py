"""What is descended: functionals of a model, from a batch to one number.

An objective is (params, key, batch, step) -> (loss [], Aux(metrics, state)), with `batch` a dict
{"x": [B, ...], "c": [B, ...]} ("c" only for conditional models). Each example has its own key, and
sees its batch only through the axis name "batch" (`jax.lax.pmean(..., "batch")`). Reductions: sum
over the event's dimensions, mean over the draws, mean over the batch.
"""

from vae_jax.objectives.groups import per_group
from vae_jax.objectives.importance import importance_weighted
from vae_jax.objectives.objective import Aux, Objective, batch_size
from vae_jax.objectives.terms import (
    NEGATIVE_ELBO,
    Term,
    Weight,
    distortion,
    rate,
    sampled_rate,
)
from vae_jax.objectives.weighted import weighted_sum

__all__ = [
    "NEGATIVE_ELBO",
    "Aux",
    "Objective",
    "Term",
    "Weight",
    "batch_size",
    "distortion",
    "importance_weighted",
    "per_group",
    "rate",
    "sampled_rate",
    "weighted_sum",
]
