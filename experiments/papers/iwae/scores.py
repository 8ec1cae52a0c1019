"""What a trained cell is worth, on the 10,000 test images."""

from typing import Any

import jax
import numpy as np

from vae_jax import evaluate
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import rate, sampled_rate
from vae_jax.types import Array, Batch, Key, Params, Progress

IMPORTANCE_SAMPLES, ELBO_SAMPLES, UNIT_SAMPLES = 5000, 10, 100

Json = dict[str, Any]


def rate_of(layers: int) -> Rate:
    """In closed form for one layer, sampled for a chain."""
    return rate if layers == 1 else sampled_rate


def score(
    layers: int, model: VAE, params: Params, key: Key, test: Batch, progress: Progress = iter
) -> Json:
    """The negative log-likelihood and the negative bound, nats, and each layer's active units.

    By exact products, as every evaluation.
    """
    elbo_key, likelihood_key, units_key = jax.random.split(key, 3)
    bound = evaluate.elbos(
        model, params, elbo_key, test, num_samples=ELBO_SAMPLES, rate=rate_of(layers)
    )
    estimates = evaluate.log_likelihoods(
        model,
        params,
        likelihood_key,
        test,
        num_samples=IMPORTANCE_SAMPLES,
        progress=progress,
    )
    units = evaluate.active_units(model, params, units_key, test, num_samples=UNIT_SAMPLES)
    first = units[min(units)]
    return {
        "nll": {
            **_negative_mean(estimates.value),
            "importance_samples": IMPORTANCE_SAMPLES,
            "mean_monte_carlo_standard_error": float(np.mean(estimates.standard_error)),
            "median_effective_sample_size": float(np.median(estimates.ess)),
        },
        "negative_elbo": {**_negative_mean(bound.value), "samples": ELBO_SAMPLES},
        "active_units": {
            "numbers": [units[name].number for name in sorted(units)],  # "z", or "z1", "z2"
            "threshold": first.threshold,
            "images": first.num_examples,
            "samples": UNIT_SAMPLES,
        },
    }


def _negative_mean(values: Array) -> Json:
    mean = evaluate.mean(values)
    return {"value": -mean.value, "standard_error_over_images": mean.standard_error}
