"""What a run reports about its model, on the held-out images and in nats."""

import math
import time
from typing import Any

import jax
import numpy as np

from vae_jax import evaluate
from vae_jax.checks import check_count
from vae_jax.configs import Experiment
from vae_jax.evaluate.examples import Progress
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.rows import no_rate
from vae_jax.types import Array, Batch, Event, Key, Params

# examples among which the mutual information is computed: their pairs are many, and of a hierarchy
# each is a pass through it
_INFORMED, _INFORMED_OF_LAYERS = 10_000, 1_000


def score(
    experiment: Experiment,
    test: Batch,
    params: Params,
    key: Key,
    progress: Progress = iter,
    importance_samples: int | None = None,
) -> dict[str, Any]:
    """The final numbers, in nats: bound, importance-sampled log-likelihood, what z knows of x; of
    an experiment without a bound, its distortion.

    Args:
      experiment: whose model it is.
      test: the examples, prepared.
      params: of the model.
      key: of the draws.
      progress: wraps the loop of the likelihood.
      importance_samples: K; by default the experiment's.
    """
    model, views, K = experiment.trained.model, experiment.views, importance_samples
    if K is None:
        K = views.importance_samples
    check_count("importance_samples", K)
    elbo_key, likelihood_key, information_key, units_key, own_key = jax.random.split(key, 5)
    active = _active_units(model, params, units_key, test)
    own = views.score(model, params, own_key, test)
    scores = {"images": size_of(test), "active_units": active, **own}
    if views.rate is None:
        return {**scores, "distortion": _distortion(model, params, elbo_key, test)}
    log_p = _log_likelihood(model, params, likelihood_key, test, K, progress)
    return {
        **scores,
        "elbo": _elbo(model, params, elbo_key, test, views.rate),
        "log_likelihood": log_p,
        **_mutual_information(model, params, information_key, test),
        **bits_per_dim(experiment, test, log_p["value"]),
    }


def _distortion(model: VAE, params: Params, key: Key, test: Batch) -> dict[str, float]:
    """Where there is no bound."""
    minus = evaluate.mean(evaluate.elbos(model, params, key, test, rate=no_rate).value)
    return {"value": -minus.value, "standard_error": minus.standard_error}


def _elbo(model: VAE, params: Params, key: Key, test: Batch, rate: Rate) -> dict[str, float]:
    bound = evaluate.elbos(model, params, key, test, rate=rate)
    value = evaluate.mean(bound.value)
    return {
        "elbo": value.value,
        "elbo_standard_error": value.standard_error,
        "distortion": float(bound.distortion.mean()),
        "rate": float(bound.rate.mean()),
    }


def _log_likelihood(
    model: VAE, params: Params, key: Key, test: Batch, num_samples: int, progress: Progress
) -> dict[str, float]:
    start = time.perf_counter()
    estimates = evaluate.log_likelihoods(
        model, params, key, test, num_samples=num_samples, progress=progress
    )
    log_p = evaluate.mean(estimates.value)
    return {
        "value": log_p.value,
        "standard_error_over_images": log_p.standard_error,
        "importance_samples": num_samples,
        "mean_monte_carlo_standard_error": float(np.mean(estimates.standard_error)),
        "median_effective_sample_size": float(np.median(estimates.ess)),
        "seconds": time.perf_counter() - start,
    }


def _active_units(model: VAE, params: Params, key: Key, test: Batch) -> dict[str, Any]:
    """Of all latents together, and, where there are several, of each."""
    units = evaluate.active_units(model, params, key, test)
    first = next(iter(units.values()))
    each = {name: active.number for name, active in units.items()}
    return {
        "number": sum(each.values()),
        "latents": sum(active.variance.size for active in units.values()),
        **({"by_latent": each} if len(each) > 1 else {}),
        "threshold": first.threshold,
        "images": first.num_examples,
    }


def _mutual_information(
    model: VAE, params: Params, key: Key, test: Batch
) -> dict[str, dict[str, float]]:
    """Of z and the example, among the first test images; not of conditional models, nor of a
    posterior that knows log q of what it draws alone."""
    if "c" in test or not _scores_any_z(model, params, test):
        return {}
    most = _INFORMED if model.trace is None else _INFORMED_OF_LAYERS
    some = jax.tree.map(lambda leaf: leaf[:most], test)
    information = evaluate.mutual_information(model, params, key, some)
    return {
        "mutual_information": {
            "value": information.value,
            "standard_error": information.standard_error,
            "marginal_kl": information.marginal_kl,
            "images": information.num_examples,
        }
    }


def _scores_any_z(model: VAE, params: Params, test: Batch) -> bool:
    """Whether log q(z|x) is known at every z; nothing is computed."""

    def score(params: Params, x: Event) -> Array:
        q = model.encode(params, x)
        return q.log_prob(q.sample(jax.random.key(0)))

    try:
        jax.eval_shape(score, params, jax.tree.map(lambda leaf: leaf[0], test["x"]))
    except TypeError:  # by which a distribution says so
        return False
    return True


def bits_per_dim(experiment: Experiment, test: Batch, log_density: float) -> dict[str, float]:
    """Of the integers, where x in (0, 1) was made of them: an upper bound, by dequantisation."""
    levels = experiment.examples.num_levels
    if levels is None:
        return {}
    dims = sum(math.prod(leaf.shape[1:]) for leaf in jax.tree.leaves(test["x"]))
    return {"bits_per_dim": math.log2(levels) - log_density / dims / math.log(2)}
