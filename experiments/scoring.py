"""What a run reports about its model, on the held-out images and in nats."""

import math
import time
from typing import Any

import jax
import numpy as np

from experiments.experiment import Experiment
from experiments.report import track
from vae_jax import evaluate
from vae_jax.types import Key, Params


def held_out(experiment: Experiment, params: Params, key: Key) -> dict[str, float]:
    """The mean bound on the held-out images, and its parts; one draw for each image."""
    bound = evaluate.elbos(experiment.model, params, key, experiment.test)
    value = evaluate.mean(bound.value)
    return {
        "elbo": value.value,
        "elbo_standard_error": value.standard_error,
        "distortion": float(bound.distortion.mean()),
        "rate": float(bound.rate.mean()),
    }


def score(experiment: Experiment, params: Params, key: Key) -> dict[str, Any]:
    """The final numbers: bound, importance-sampled log-likelihood, active units."""
    elbo_key, likelihood_key = jax.random.split(key)
    model, test, K = experiment.model, experiment.test, experiment.importance_samples
    bound = held_out(experiment, params, elbo_key)
    start = time.perf_counter()
    estimates = evaluate.log_likelihoods(
        model, params, likelihood_key, test, num_samples=K, progress=track(f"log p(x), {K} samples")
    )
    log_p = evaluate.mean(estimates.value)
    active = evaluate.active_units(model, params, test)
    return {
        "images": len(estimates.value),
        "elbo": bound,
        "log_likelihood": {
            "value": log_p.value,
            "standard_error_over_images": log_p.standard_error,
            "importance_samples": K,
            "mean_monte_carlo_standard_error": float(np.mean(estimates.standard_error)),
            "median_effective_sample_size": float(np.median(estimates.ess)),
            "seconds": time.perf_counter() - start,
        },
        "active_units": {
            "number": active.number,
            "latents": active.variance.size,
            "threshold": active.threshold,
            "images": active.num_examples,
        },
        **_bits_per_dim(experiment, log_p.value),
    }


def _bits_per_dim(experiment: Experiment, log_density: float) -> dict[str, float]:
    """Of the integers, where x in (0, 1) was made of them: an upper bound, by dequantisation."""
    if experiment.num_levels is None:
        return {}
    dims = math.prod(experiment.test["x"].shape[1:])
    return {"bits_per_dim": math.log2(experiment.num_levels) - log_density / dims / math.log(2)}
