"""Terms that ask for a rate, on the linear-Gaussian model, whose rates are known."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import optax
import pytest

from vae_jax import Layered, evaluate, standard_gaussian
from vae_jax.objectives import (
    Term,
    capacity,
    distortion,
    free_bits,
    information,
    rate,
    rate_factors,
    sampled_rate,
    weighted_sum,
)

MODEL = lg.RECORD
PARAMS = lg.params()
X = np.asarray(lg.X, np.float32)
KEY = jax.random.key(3)
UNIT = standard_gaussian(2)


def rates():
    """KL of each example and dimension, float64 [B, 2]."""
    loc, scale = lg.X @ lg.A.T + lg.c, np.sqrt(lg.v)
    return np.log(lg.r / scale) + (scale**2 + (loc - lg.m) ** 2) / (2 * lg.r**2) - 0.5


def metrics(terms, step=0, num_samples=1):
    objective = weighted_sum(MODEL, terms, num_samples=num_samples)
    return jax.jit(objective)(PARAMS, KEY, {"x": X}, jnp.asarray(step))[1].metrics


def gradient(value):
    objective = weighted_sum(MODEL, [Term("own", value)])
    return jax.jit(jax.grad(lambda p: objective(p, KEY, {"x": X}, 0)[0]))(PARAMS)["encoder"]


def test_free_bits_are_the_larger_of_two_for_each_dimension_of_the_batch():
    means = rates().mean(0)
    low, high = sorted(means)
    terms = [
        Term("none", free_bits(0.0)),
        Term("between", free_bits((low + high) / 2)),
        Term("above", free_bits(high + 1)),
        Term("total", free_bits(0.9 * means.sum(), of=rate)),
        Term("all", free_bits(means.sum() + 1, of=rate)),
        Term("rate", rate),
    ]
    found = metrics(terms, num_samples=2)
    expected = {
        "none": means.sum(),
        "between": high + (low + high) / 2,
        "above": 2 * (high + 1),
        "total": means.sum(),
        "all": means.sum() + 1,
        "rate": means.sum(),
    }
    for name, number in expected.items():
        np.testing.assert_allclose(found[name], number, rtol=1e-5, err_msg=name)


def test_the_maximum_comes_after_the_mean():
    """Of each example first it would be larger, and pull at the example that has more."""
    each = rates()
    nats = each.mean(0) + 0.01
    assert np.any(each > nats)
    pooled = gradient(free_bits(float(nats.max())))
    for leaf in jax.tree.leaves(pooled):
        np.testing.assert_array_equal(leaf, 0.0)

    def of_each(d):
        return jnp.sum(jnp.maximum(float(nats.max()), rate_factors(d)))

    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(gradient(of_each))) > 0.01


def test_a_dimension_above_has_the_gradient_of_its_rate_and_one_below_none():
    low, high = np.argsort(rates().mean(0))
    found = gradient(free_bits(float(rates().mean())))
    own = gradient(lambda d: rate_factors(d)[high])
    for name in ("A", "c", "log_scale"):
        np.testing.assert_allclose(found[name], own[name], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(found[name][low], 0.0)
        assert np.any(np.abs(found[name][high]) > 1e-3)


def test_beside_it_the_bound_is_reported_at_weight_1():
    terms = [Term("distortion", distortion), Term("rate", rate, 0.0)]
    found = metrics([*terms, Term("free_bits", free_bits(50.0), 0.5)])
    plain = metrics([Term("distortion", distortion), Term("rate", rate)])
    for name in ("distortion", "rate"):
        np.testing.assert_allclose(found[name], plain[name], rtol=1e-6)
    np.testing.assert_allclose(found["loss"], found["distortion"] + 0.5 * 100, rtol=1e-6)


def test_of_a_rate_that_is_sampled_the_mean_is_taken_over_the_batch_as_well():
    terms = [Term("sampled", sampled_rate), Term("more", free_bits(0.0, of=sampled_rate))]
    found = metrics(terms)  # draws are shared by the terms
    np.testing.assert_allclose(found["more"], max(found["sampled"], 0.0), rtol=1e-6)


def test_a_capacity_is_the_distance_from_it():
    total = rates().sum(1).mean()
    rising = optax.linear_schedule(0.0, 2 * total, 10)
    terms = [Term("rising", capacity(rising)), Term("fixed", capacity(1.0)), Term("rate", rate)]
    for step in (0, 5, 20):
        found = metrics(terms, step)
        np.testing.assert_allclose(
            found["rising"], abs(total - 2 * total * min(step, 10) / 10), atol=1e-5
        )
        np.testing.assert_allclose(found["fixed"], abs(total - 1), rtol=1e-5)
    below, above = (gradient(capacity(float(total + more))) for more in (0.1, -0.1))
    own = gradient(rate)
    for name in own:
        np.testing.assert_allclose(above[name], own[name], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(below[name], -own[name], rtol=1e-5, atol=1e-6)


def test_in_evaluation_there_is_no_step():
    data = {"x": X}
    terms = [Term("fixed", capacity(1.0)), Term("free_bits", free_bits(10.0))]
    found = evaluate.terms(MODEL, PARAMS, KEY, data, terms, batch_size=3)
    np.testing.assert_allclose(found["free_bits"], 20.0)
    np.testing.assert_allclose(found["fixed"], abs(rates().sum(1).mean() - 1), rtol=1e-5)
    schedule = [Term("rising", capacity(optax.linear_schedule(0.0, 1.0, 10)))]
    with pytest.raises(ValueError, match=r"no step in evaluation: give it .* capacity\(25.0\)"):
        evaluate.terms(MODEL, PARAMS, KEY, data, schedule, batch_size=3)


@pytest.mark.parametrize("nats", [-0.5, float("nan")])
def test_less_than_nothing_is_not_free(nats):
    with pytest.raises(ValueError, match="nats of at least 0; got"):
        free_bits(nats)


def test_the_information_of_a_batch_is_that_of_all_its_pairs():
    """Of draws of its own: the two agree to within what draws differ by."""
    x = np.random.default_rng(0).normal(size=(23, 4)).astype(np.float32)
    data, terms = {"x": x}, [Term("information", information)]
    found = [
        evaluate.terms(MODEL, PARAMS, key, data, terms, num_samples=100, batch_size=23)
        for key in jax.random.split(KEY, 10)
    ]
    values = [own["information"].mean() for own in found]
    again = [
        evaluate.mutual_information(MODEL, PARAMS, key, data, num_samples=100).value
        for key in jax.random.split(jax.random.key(8), 10)
    ]
    error = np.hypot(*(np.std(each, ddof=1) / np.sqrt(10) for each in (values, again)))
    assert abs(np.mean(values) - np.mean(again)) < 5.5 * error  # of ten numbers each: Student's t
    assert error < 0.02 < 0.3 < np.mean(values) < np.log(23) - 0.3
    far = lg.params(width=1e-4)
    found = evaluate.terms(MODEL, far, KEY, data, terms, batch_size=23)
    np.testing.assert_allclose(found["information"], np.log(23), rtol=1e-5)


def test_the_information_of_several_latents_is_not_that_of_a_draw():
    model = MODEL._replace(
        encode=lambda params, x, c=None, key=None: Layered(x, lambda x, draw: draw("z1", UNIT)),
        prior=lambda params, c=None, key=None: Layered(None, lambda x, draw: draw("z1", UNIT)),
        decode=lambda params, z, c=None, key=None: lg.model(params)[1](z["z1"]),
    )
    objective = weighted_sum(model, [Term("information", information)])
    with pytest.raises(TypeError, match=r"has \['z1'\], .* use evaluate.mutual_information"):
        objective(PARAMS, KEY, {"x": X}, 0)
