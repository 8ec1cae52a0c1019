"""What a run reports about its model, on the held-out images and in nats."""

import math
import time
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import evaluate
from vae_jax.bounds import ELBO, LogLikelihood
from vae_jax.checks import check_count
from vae_jax.configs import Experiment
from vae_jax.distributions import Flowed, Hamiltonian, Layered, Quantised
from vae_jax.evaluate.information import PriorsDifferError
from vae_jax.models import VAE
from vae_jax.objectives import batch_size as size_of
from vae_jax.train.rows import no_rate
from vae_jax.types import Array, Batch, Event, Key, Params, Progress

Json = dict[str, Any]

# examples among which the mutual information is computed: their pairs are many, and of a hierarchy,
# a flow or leapfrog steps each is a pass through them
_INFORMED, _INFORMED_BY_PASSES = 10_000, 1_000
_OF_PASSES = (Layered, Flowed, Hamiltonian)
_ENOUGH = 10  # samples that count, of which an estimate's own standard error may be believed


class Scores(NamedTuple):
    """What a model is worth, in nats.

    Fields:
      numbers: as evaluation.json has them.
      each: the same of every example, [N] by name, of which the numbers are means.
    """

    numbers: Json
    each: dict[str, np.ndarray]


def score(
    experiment: Experiment,
    test: Batch,
    params: Params,
    key: Key,
    progress: Progress = iter,
    importance_samples: int | None = None,
) -> Scores:
    """The final numbers: bound, importance-sampled log-likelihood, what z knows of x; of an
    experiment without a bound, its distortion.

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
    numbers = {"images": size_of(test), "active_units": active, **own}
    bound = evaluate.elbos(model, params, elbo_key, test, rate=views.rate or no_rate)
    if views.rate is None:
        distortion = evaluate.mean(bound.distortion)._asdict()
        each = {"distortion": np.asarray(bound.distortion)}
        return Scores({**numbers, "distortion": distortion}, each)
    likelihoods = evaluate.log_likelihoods
    start = time.perf_counter()
    log_p = likelihoods(model, params, likelihood_key, test, num_samples=K, progress=progress)
    seconds = time.perf_counter() - start
    numbers |= {
        "elbo": _elbo(bound),
        "log_likelihood": {**_log_likelihood(log_p, K), "seconds": seconds},
        **_mutual_information(model, params, information_key, test),
        **bits_per_dim(experiment, test, evaluate.mean(log_p.value).value),
    }
    return Scores(numbers, _each(bound, log_p))


def _elbo(bound: ELBO) -> dict[str, float]:
    value = evaluate.mean(bound.value)
    return {
        "elbo": value.value,
        "elbo_standard_error": value.standard_error,
        "distortion": evaluate.mean(bound.distortion).value,
        "rate": evaluate.mean(bound.rate).value,
    }


def _log_likelihood(estimates: LogLikelihood, num_samples: int) -> dict[str, Any]:
    log_p, ess = evaluate.mean(estimates.value), float(np.median(estimates.ess))
    return {
        "value": log_p.value,
        "standard_error_over_images": log_p.standard_error,
        "importance_samples": num_samples,
        "mean_monte_carlo_standard_error": evaluate.mean(estimates.standard_error).value,
        "median_effective_sample_size": ess,
        **({} if ess >= min(_ENOUGH, num_samples) else {"reading": _reading(ess, num_samples)}),
    }


def _reading(ess: float, num_samples: int) -> str:
    return (
        f"Of {num_samples:,} samples an example, {ess:.1f} count in the median: read the value as a"
        " lower bound on log p(x), whose own standard error says little. More samples"
        f" (--importance-samples {10 * num_samples}) raise it; so does a posterior that is nearer"
        " to the true one."
    )


def _each(bound: ELBO, log_p: LogLikelihood) -> dict[str, np.ndarray]:
    columns = {
        "elbo": bound.value,
        "distortion": bound.distortion,
        "rate": bound.rate,
        "log_likelihood": log_p.value,
        "log_likelihood_standard_error": log_p.standard_error,
        "effective_sample_size": log_p.ess,
    }
    return {name: np.asarray(values) for name, values in columns.items()}


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
    """Of z and the example, with its condition, among the first test images; not where the prior
    depends on the condition, nor of a posterior that knows log q of what it draws alone, nor of
    codes, which are other ones for each example or nearly so."""
    q = _posterior(model, params, test)
    if q is None or isinstance(q, Quantised):
        return {}
    most = _INFORMED_BY_PASSES if isinstance(q, _OF_PASSES) else _INFORMED
    some = jax.tree.map(lambda leaf: leaf[:most], test)
    try:
        information = evaluate.mutual_information(model, params, key, some)
    except PriorsDifferError:
        return {}
    return {
        "mutual_information": {
            "value": information.value,
            "standard_error": information.standard_error,
            "marginal_kl": information.marginal_kl,
            "images": information.num_examples,
        }
    }


def _posterior(model: VAE, params: Params, test: Batch) -> Any:
    """q of the first example, its shapes alone; None where log q is not known at every z."""

    def encode(params: Params, x: Event, c: Event) -> tuple[Any, Array]:
        q = model.encode(params, x, c)
        return q, q.log_prob(q.sample(jax.random.key(0)))

    x, c = jax.tree.map(lambda leaf: leaf[0], (test["x"], test.get("c")))
    try:
        return jax.eval_shape(encode, params, x, c)[0]
    except TypeError:  # by which a distribution says so
        return None


def bits_per_dim(experiment: Experiment, test: Batch, log_density: float) -> dict[str, float]:
    """Of the integers, where x in (0, 1) was made of them: an upper bound, by dequantisation."""
    levels = experiment.examples.num_levels
    if levels is None:
        return {}
    dims = values_of(experiment, test)
    return {"bits_per_dim": math.log2(levels) - log_density / dims / math.log(2)}


def values_of(experiment: Experiment, test: Batch) -> float:
    """How many values an example has: of texts of several lengths in the mean."""
    if experiment.views.lengths:
        return float(np.mean(test["c"]))
    return sum(math.prod(leaf.shape[1:]) for leaf in jax.tree.leaves(test["x"]))
