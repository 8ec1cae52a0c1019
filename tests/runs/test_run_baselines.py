"""What a run is told whose model is worse than one without latents."""

import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import (
    Bernoulli,
    Categorical,
    DiscretisedLogistic,
    Gaussian,
    Mixture,
    Poisson,
    standard_gaussian,
)
from vae_jax.configs import Data, Examples, Experiment
from vae_jax.runs.baselines import advice, baselines

ONE = [standard_gaussian(2)]  # one scale for its dimensions
COUNTS = {"x": np.arange(12, dtype=np.int32).reshape(6, 2) % 3}


def scores(own=-30.0, number=3, **baselines):
    return {
        "log_likelihood": {"value": own},
        "active_units": {"number": number, "latents": 8},
        "baselines": baselines,
    }


def test_a_model_that_is_better_than_all_is_told_nothing():
    assert advice(scores(independent=-31.0, full_covariance=-30.5), ONE) == []


def test_every_density_that_is_better_is_named_with_the_remedy():
    said = advice(scores(independent=-31.0, full_covariance=-20.5, uniform=0.0), ONE)
    assert said == [
        "Worse than one Gaussian by 9.5 nats and than a uniform code by 30.0 nats: train longer"
        " (--epochs), learn the scale of each dimension (--scale dimension), or take another"
        " network (--network)."
    ]


def test_a_lower_bound_that_is_below_is_not_said_to_be_the_likelihood():
    found = scores(independent=-20.0)
    found["log_likelihood"]["reading"] = "Of 100 samples an example, 2.9 count in the median."
    (said,) = advice(found, [])
    assert said.startswith("By its lower bound worse than independent dimensions by 10.0 nats: ")


@pytest.mark.parametrize(
    ("gaussians", "told"),
    [("ONE", (True, True)), ("EACH", (False, True)), ("NONE", (False, False))],
)
def test_a_scale_is_spoken_of_where_there_is_one_to_change(gaussians, told):
    given = {"ONE": ONE, "EACH": [Gaussian(jnp.zeros(2), jnp.arange(2.0))], "NONE": []}[gaussians]
    said = advice(scores(independent=-20.0, number=0), given)
    assert len(said) == 2
    assert ("--scale" in said[0], "--sigma" in said[1]) == told


def test_of_no_active_unit():
    assert advice(scores(number=0), []) == [
        "No unit is active, z says nothing of x: train longer (--epochs), or let the rate come"
        " in slowly (--beta-warmup)."
    ]


@pytest.mark.parametrize(
    ("likelihood", "levels", "nats"),
    [
        (standard_gaussian(2), 256, 0.0),  # a density of 1 on (0, 1)
        (Mixture(jnp.zeros(1), standard_gaussian(1, 2)), 256, 0.0),
        (Categorical(jnp.zeros((2, 3))), 1, -2 * np.log(3)),
        (DiscretisedLogistic(jnp.zeros(2), jnp.zeros(()), 3), 1, -2 * np.log(3)),
        (Poisson(jnp.zeros(2)), 1, None),  # of counts there is no end
        (Bernoulli(jnp.zeros(2)), None, None),
    ],
)
def test_a_uniform_code_is_of_as_many_integers_as_there_are(likelihood, levels, nats):
    data, load = Data(COUNTS, COUNTS, None), lambda: None
    experiment = Experiment(None, Examples(load, num_levels=levels))
    found = baselines(experiment, data, likelihood).get("uniform")
    assert found == (nats if nats is None else pytest.approx(nats))


def test_a_model_without_a_bound_is_beside_nothing():
    told = {"baselines": {"independent": -5.0}, "active_units": {"number": 1}}
    assert advice(told, ONE) == []
