"""What is descended: functionals of a model, from a batch to one number.

An objective is (params, key, batch, step) -> (loss [], Aux(metrics, state)), with `batch` a dict
{"x": [B, ...], "c": [B, ...]} ("c" only for conditional models). Each example has its own key, and
sees its batch only through the axis name "batch" (`jax.lax.pmean(..., "batch")`); its own draws are
the axis "draws". Reductions: sum over the event's dimensions, mean over the draws, mean over the
batch.
"""

from vae_jax.objectives.categorical import categorical_rate
from vae_jax.objectives.codes import (
    codebook,
    commitment,
    entropy_gap,
    mean_over_values,
    perplexity,
    usage,
)
from vae_jax.objectives.groups import per_group
from vae_jax.objectives.importance import importance_weighted
from vae_jax.objectives.objective import Aux, Objective, batch_size, over_batch
from vae_jax.objectives.rates import capacity, free_bits, information
from vae_jax.objectives.score_function import enumerated, reinforce, rloo, score_function, vimco
from vae_jax.objectives.terms import (
    NEGATIVE_ELBO,
    Draw,
    Term,
    Weight,
    check_terms,
    distortion,
    rate,
    rate_factors,
    sampled_rate,
    term_values,
)
from vae_jax.objectives.weighted import add, penalty, weighted_sum

__all__ = [
    "NEGATIVE_ELBO",
    "Aux",
    "Draw",
    "Objective",
    "Term",
    "Weight",
    "add",
    "batch_size",
    "capacity",
    "categorical_rate",
    "check_terms",
    "codebook",
    "commitment",
    "distortion",
    "entropy_gap",
    "enumerated",
    "free_bits",
    "importance_weighted",
    "information",
    "mean_over_values",
    "over_batch",
    "penalty",
    "per_group",
    "perplexity",
    "rate",
    "rate_factors",
    "reinforce",
    "rloo",
    "sampled_rate",
    "score_function",
    "term_values",
    "usage",
    "vimco",
    "weighted_sum",
]
