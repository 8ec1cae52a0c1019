"""What a run is told whose model is worse than one without latents."""

import jax.numpy as jnp
import pytest

from vae_jax import Categorical, Gaussian, Joint
from vae_jax.runs.baselines import _scales, advice


def scores(own=-30.0, number=3, **baselines):
    return {
        "log_likelihood": {"value": own},
        "active_units": {"number": number, "latents": 8},
        "baselines": baselines,
    }


def test_a_model_that_is_better_than_all_is_told_nothing():
    assert advice(scores(independent=-31.0, full_covariance=-30.5), scales=1) == []


def test_every_density_that_is_better_is_named_with_the_remedy():
    said = advice(scores(independent=-31.0, full_covariance=-20.5, uniform=0.0), scales=1)
    assert said == [
        "Worse than one Gaussian by 9.5 nats and than a uniform code by 30.0 nats: train longer"
        " (--epochs), learn the scale of each dimension (--scale dimension), or take another"
        " network (--network)."
    ]


@pytest.mark.parametrize("scales", [0, 1, 5])
def test_a_scale_is_spoken_of_where_there_is_one_to_change(scales):
    said = advice(scores(independent=-20.0, number=0), scales)
    assert len(said) == 2
    assert ("--scale" in said[0], "--sigma" in said[1]) == (scales == 1, scales > 0)


def test_the_scales_of_a_likelihood_are_counted():
    one, each = Gaussian(jnp.zeros(2), jnp.zeros(2)), Gaussian(jnp.zeros(2), jnp.arange(2.0))
    assert _scales(one) == 1
    assert _scales(Joint({"numbers": each, "class": Categorical(jnp.zeros(3))})) == 2
    assert _scales(Categorical(jnp.zeros(3))) == 0


def test_of_no_active_unit():
    assert advice(scores(number=0), scales=0) == [
        "No unit is active, z says nothing of x: train longer (--epochs), or let the rate come"
        " in slowly (--beta-warmup)."
    ]


def test_a_model_without_a_bound_is_beside_nothing():
    told = {"baselines": {"independent": -5.0}, "active_units": {"number": 1}}
    assert advice(told, scales=1) == []
