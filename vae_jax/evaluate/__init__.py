"""What a trained model is worth: numbers of each example of a data set, in nats.

Each example is scored by itself under a key of its own, so that its number depends neither on the
batch it is in nor on the size of the batches; a last batch that is not full is filled up, and the
filling taken off again. Dropout is off, and products of matrices are exact (`products`). The data
are scored as they are given: binarised or dequantised once, by the caller.

`progress` wraps the loop over batches, as `tqdm.tqdm` or `rich.progress.track` do.
"""

from vae_jax.evaluate.baselines import full_covariance, independent
from vae_jax.evaluate.codes import CodeUse, code_indices, code_use
from vae_jax.evaluate.conditions import check_conditions
from vae_jax.evaluate.impute import Imputed, impute
from vae_jax.evaluate.information import MutualInformation, mutual_information
from vae_jax.evaluate.latents import (
    ActiveUnits,
    active_units,
    aggregate_draws,
    embeddings,
    posterior_means,
)
from vae_jax.evaluate.scores import Mean, elbos, log_likelihoods, mean
from vae_jax.evaluate.support import check_support
from vae_jax.evaluate.terms import terms

__all__ = [
    "ActiveUnits",
    "CodeUse",
    "Imputed",
    "Mean",
    "MutualInformation",
    "active_units",
    "aggregate_draws",
    "check_conditions",
    "check_support",
    "code_indices",
    "code_use",
    "elbos",
    "embeddings",
    "full_covariance",
    "impute",
    "independent",
    "log_likelihoods",
    "mean",
    "mutual_information",
    "posterior_means",
    "terms",
]
