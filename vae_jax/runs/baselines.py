"""A run's number beside those of densities without latents, and what to do where it is worse."""

from typing import Any

import jax
import numpy as np

from vae_jax import evaluate
from vae_jax.configs import Data, Experiment
from vae_jax.configs.experiment import fixed
from vae_jax.data.sources import read_example
from vae_jax.distributions import Gaussian
from vae_jax.models import trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs.scores import bits_per_dim
from vae_jax.types import Batch, Event, Params

Json = dict[str, Any]

_FITTED = 10_000  # training examples that a baseline is fitted to


def with_baselines(scores: Json, experiment: Experiment, data: Data, params: Params) -> Json:
    """The scores, those of densities without latents, and what to do where they are better."""
    found = baselines(experiment, data, params)
    bits = {
        name: value["bits_per_dim"]
        for name, nats in found.items()
        if (value := bits_per_dim(experiment, data.test, nats))
    }
    scores = {**scores, "baselines": found}
    scores |= {"baselines_bits_per_dim": bits} if bits else {}
    return {**scores, "advice": advice(scores)}


def baselines(experiment: Experiment, data: Data, params: Params) -> Json:
    """log p of the test examples in the mean, nats, by densities without latents.

    Fitted to training examples, prepared once: `independent`, of the model's own family;
    `full_covariance` of a Gaussian; `uniform`, of integers.

    Args:
      experiment: whose model it is.
      data: of it.
      params: of the model; the family of its likelihood is all that is asked of them.

    Returns:
      {name: nats}, those there are.
    """
    likelihood = _likelihood(experiment, params, data.test)
    x = fixed(experiment.examples.prepare, _some(data))["x"]
    found: dict[str, Any] = {}
    fitted = evaluate.independent(likelihood, x)
    if fitted is not None:
        found["independent"] = jax.vmap(fitted.log_prob)(data.test["x"])
    if isinstance(likelihood, Gaussian):
        density = evaluate.full_covariance(x)
        found |= {} if density is None else {"full_covariance": density(data.test["x"])}
    means = {name: float(np.asarray(values, np.float64).mean()) for name, values in found.items()}
    levels = experiment.examples.num_levels
    return means if levels is None else {**means, "uniform": _uniform(likelihood, x)}


def advice(scores: Json) -> list[str]:
    """What to do about a model that is worse than one without latents, a sentence each."""
    said = []
    own = scores.get("log_likelihood", {}).get("value")
    independent = scores.get("baselines", {}).get("independent")
    if own is not None and independent is not None and own < independent:
        said.append(
            f"This model is worse than independent dimensions of the same family, by"
            f" {independent - own:.1f} nats: train longer (--epochs), let the scale be learned for"
            " each dimension (--scale dimension), or try another network."
        )
    if scores.get("active_units", {}).get("number") == 0:
        said.append(
            "No latent unit is active: z says nothing of x. Train longer (--epochs), let the rate"
            " come in slowly (--beta-warmup), or begin at a smaller scale (--sigma)."
        )
    return said


def _likelihood(experiment: Experiment, params: Params, test: Batch) -> Any:
    x, c = jax.tree.map(lambda leaf: leaf[0], (test["x"], test.get("c")))
    return trace(experiment.trained.model, params, jax.random.key(0), x, c).likelihood


def _some(data: Data) -> Batch:
    """Training examples, not all of many."""
    if isinstance(data.train, dict):
        every = max(1, -(-size_of(data.train) // _FITTED))
        return jax.tree.map(lambda leaf: leaf[::every], data.train)
    places = np.linspace(0, len(data.train) - 1, min(_FITTED, len(data.train))).astype(int)
    read = [read_example(data.train, int(place)) for place in places]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *read)


def _uniform(likelihood: Any, x: Event) -> float:
    """A density of 1 on (0, 1), where integers were dequantised; else a mass of 1/K."""
    if isinstance(likelihood, Gaussian):
        return 0.0
    return float(-x[0].size * np.log(likelihood.logits.shape[-1]))
