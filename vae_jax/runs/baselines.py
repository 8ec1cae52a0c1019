"""A run's number beside those of densities without latents, and what to do where it is worse."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax import evaluate
from vae_jax.configs import Data, Experiment
from vae_jax.configs.experiment import fixed
from vae_jax.data.sources import read_example
from vae_jax.distributions import (
    Autoregressive,
    Beta,
    Categorical,
    ColourLogistics,
    ContinuousBernoulli,
    DiscretisedLogistic,
    FullGaussian,
    Gaussian,
    Laplace,
    LogisticMixture,
    Masked,
)
from vae_jax.distributions.masked import inside
from vae_jax.models import trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.runs.scores import bits_per_dim, values_of
from vae_jax.types import Array, Batch, Event, Params

Json = dict[str, Any]

_OF_SCALES = Gaussian | Laplace
_OF_NUMBERS = Gaussian | FullGaussian | Laplace | ContinuousBernoulli | Beta
_OF_LEVELS = DiscretisedLogistic | LogisticMixture | ColourLogistics

# training examples that a baseline is fitted to, and the most numbers that they have
_FITTED, _NUMBERS = 10_000, 2**28
_WORDS = {
    "independent": "independent dimensions",
    "full_covariance": "one Gaussian",
    "uniform": "a uniform code",
}


def with_baselines(scores: Json, experiment: Experiment, data: Data, params: Params) -> Json:
    """The scores, those of densities without latents, and what to do where they are better."""
    likelihood = _likelihood(experiment, params, data.test)
    found = baselines(experiment, data, likelihood)
    bits = {
        name: value["bits_per_dim"]
        for name, nats in found.items()
        if (value := bits_per_dim(experiment, data.test, nats))
    }
    scores = {**scores, "baselines": found}
    scores |= {"baselines_bits_per_dim": bits} if bits else {}
    return {**scores, "advice": advice(scores, _scaled(likelihood))}


def baselines(experiment: Experiment, data: Data, likelihood: Any) -> Json:
    """log p of the test examples in the mean, nats, by densities without latents.

    Fitted to training examples, prepared once: `independent`, of the model's own family;
    `full_covariance` of real numbers; `uniform`, of integers of which it is known how many there
    are.

    Args:
      experiment: whose model it is.
      data: of it.
      likelihood: the model's p(x|z) of any z: its family is all that is asked of it.

    Returns:
      {name: nats}, those there are.
    """
    train = fixed(experiment.examples.prepare, some_training(data))
    found: dict[str, Any] = {}
    of_lengths = bool(experiment.views.lengths)
    log_p = (_by_length if of_lengths else _independent)(likelihood, train, data.test)
    if log_p is not None:
        found["independent"] = log_p
    if isinstance(likelihood, _OF_NUMBERS):
        density = evaluate.full_covariance(train["x"])
        found |= {} if density is None else {"full_covariance": density(data.test["x"])}
    means = {name: float(np.asarray(values, np.float64).mean()) for name, values in found.items()}
    values = values_of(experiment, data.test)
    uniform = _uniform(likelihood, values, experiment.examples.num_levels)
    return means if uniform is None else {**means, "uniform": uniform}


def advice(scores: Json, scaled: Sequence[Any]) -> list[str]:
    """What to do about a model that is worse than one without latents, or does not use its own: a
    sentence each.

    Args:
      scores: with the baselines.
      scaled: the Gaussians and Laplaces in the likelihood, which have a scale to be learned.
    """
    longer = "train longer (--epochs)"
    found = scores.get("log_likelihood", {})
    own, is_loose = found.get("value"), "reading" in found
    worse = [] if own is None else _worse(own, scores.get("baselines", {}))
    one_scale = any(map(_is_of_one_scale, scaled))
    scale = ", learn the scale of each dimension (--scale dimension)" if one_scale else ""
    smaller = "begin at a smaller scale (--sigma), " if scaled else ""
    said = []
    if worse:
        what = " and than ".join(worse)
        than = "By its lower bound worse than" if is_loose else "Worse than"
        said.append(f"{than} {what}: {longer}{scale}, or take another network (--network).")
    if scores.get("active_units", {}).get("number") == 0:
        slowly = "or let the rate come in slowly (--beta-warmup)"
        said.append(f"No unit is active, z says nothing of x: {longer}, {smaller}{slowly}.")
    return said


def _worse(own: float, found: Json) -> list[str]:
    """The densities that have a higher log p than the model, and by how much."""
    return [
        f"{words} by {found[name] - own:.1f} nats"
        for name, words in _WORDS.items()
        if name in found and own < found[name]
    ]


def _scaled(likelihood: Any) -> list[Any]:
    return list(filter(_has_scale, jax.tree.leaves(likelihood, is_leaf=_has_scale)))


def _is_of_one_scale(part: Any) -> bool:
    return part.loc.size > 1 and bool(np.ptp(np.asarray(part.log_scale)) == 0)


def _has_scale(node: object) -> bool:
    return isinstance(node, _OF_SCALES)


def _likelihood(experiment: Experiment, params: Params, test: Batch) -> Any:
    x, c = jax.tree.map(lambda leaf: leaf[0], (test["x"], test.get("c")))
    likelihood = trace(experiment.trained.model, params, jax.random.key(0), x, c).likelihood
    return _family(likelihood, x)


def _family(likelihood: Any, x: Event) -> Any:
    """The likelihood without what it is told of the values before."""
    if isinstance(likelihood, Masked):
        return likelihood.replace(distribution=_family(likelihood.distribution, x))
    return likelihood.conditionals(x) if isinstance(likelihood, Autoregressive) else likelihood


def some_training(data: Data) -> Batch:
    """Training examples, not all of many or large ones."""
    size = sum(leaf[0].size for leaf in jax.tree.leaves(data.test["x"]))
    most = max(1, min(_FITTED, _NUMBERS // size))
    if isinstance(data.train, dict):
        every = -(-size_of(data.train) // most)
        return jax.tree.map(lambda leaf: leaf[::every], data.train)
    places = np.linspace(0, len(data.train) - 1, min(most, len(data.train))).astype(int)
    read = [read_example(data.train, int(place)) for place in places]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *read)


def _independent(likelihood: Any, train: Batch, test: Batch) -> Array | None:
    """log p of each test example; None of a family that is not known."""
    fitted = evaluate.independent(likelihood, train["x"])
    return None if fitted is None else jax.vmap(fitted.log_prob)(test["x"])


def _by_length(likelihood: Masked, train: Batch, test: Batch) -> Array | None:
    """The same of texts of several lengths: at each place, of those that are so long."""
    outside = jax.vmap(lambda x, c: inside(c, x, jnp.full_like(x, -1)))  # no class
    fitted = evaluate.independent(likelihood.distribution, outside(train["x"], train["c"]))
    if fitted is None:
        return None
    return jax.vmap(lambda x, c: Masked(fitted, c).log_prob(x))(test["x"], test["c"])


def _uniform(likelihood: Any, values: float, levels: int | None) -> float | None:
    """A density of 1 on (0, 1), where integers were dequantised; of classes a mass of 1/K each."""
    if levels is not None and levels > 1:
        return 0.0
    K = _number_of_levels(likelihood)
    return None if levels is None or K is None else float(-values * np.log(K))


def _number_of_levels(likelihood: Any) -> int | None:
    if isinstance(likelihood, Masked):
        return _number_of_levels(likelihood.distribution)
    if isinstance(likelihood, Categorical):
        return int(likelihood.logits.shape[-1])
    return likelihood.levels if isinstance(likelihood, _OF_LEVELS) else None
