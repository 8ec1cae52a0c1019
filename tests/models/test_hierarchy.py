"""A model of two stochastic layers, written by hand, through everything that takes a model."""

from collections import OrderedDict
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score
from two_layers import batch, drawn, log_evidence, make_params, run

from vae_jax import VAE, Bernoulli, Gaussian, Trace, evaluate, standard_gaussian
from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.models import trace
from vae_jax.objectives import (
    Term,
    distortion,
    free_bits,
    importance_weighted,
    rate,
    rate_factors,
    sampled_rate,
    weighted_sum,
)


def no_part(*_):
    raise AssertionError("a model with a trace of its own needs none of the three functions")


MODEL = VAE(no_part, no_part, no_part, no_part)._replace(trace=run)


def loss_and_gradient(bound, score_free):
    objective = importance_weighted(MODEL, bound, num_draws=4, score_free=score_free)
    return jax.value_and_grad(lambda *args: objective(*args)[0])


@pytest.mark.parametrize("bound", [elbo_bound(), iwae_bound()], ids=["elbo", "iwae"])
def test_at_the_posterior_every_bound_is_the_evidence(bound, key, x64):
    """log w is constant: the bound is log p(x), and its score-free gradient for q is zero."""

    @jax.jit
    def both(params):
        return [loss_and_gradient(bound, f)(params, key, batch(np.float64), 0) for f in (0, 1)]

    expected = log_evidence().mean()
    largest = []
    for loss, gradient in both(make_params(np.float64)):
        np.testing.assert_allclose(loss, -expected, rtol=1e-12)
        largest += [max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(gradient["encoder"]))]
    assert largest[0] > 1e-2
    assert largest[1] < 1e-12


@pytest.mark.parametrize("bound", [miwae_bound(2), ciwae_bound(0.3)], ids=["miwae", "ciwae"])
def test_the_score_free_gradient_has_the_plain_ones_mean(bound):
    params = make_params(shift=0.4, width=1.2)

    @jax.jit
    @jax.vmap
    def both(key):
        return [loss_and_gradient(bound, f)(params, key, batch(), 0) for f in (0, 1)]

    (plain_loss, plain), (free_loss, free) = both(jax.random.split(jax.random.key(1), 4000))
    np.testing.assert_allclose(plain_loss, free_loss, rtol=5e-7)  # fusion may round otherwise
    scores = jax.tree.map(lambda p, f: z_score(p - f), plain["encoder"], free["encoder"])
    assert max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(scores)) < 4.5
    for group in ("decoder", "prior"):
        # the same number of the same draws: rounding of some 20 terms of size 1 to 10
        close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
        jax.tree.map(close, plain[group], free[group])
    spreads = [np.std(gradient["encoder"]["c"]) for gradient in (plain, free)]
    assert not np.isclose(*spreads, rtol=0.05)  # two estimators, not one


def top_down(model, params, key, x, c=None, z=None, noise=None):
    """q(z2|x) q(z1|z2,x): each q_l is given what p_l is given."""
    enc, prior = params["encoder"], params["prior"]
    key2, key1 = jax.random.split(key)
    q2 = Gaussian(0.5 * enc["A"] @ x, enc["log_scales"][1])
    z2, log_q2 = drawn(q2, key2, None)
    q1 = Gaussian(enc["A"] @ x + 0.3 * z2, enc["log_scales"][0])
    z1, log_q1 = drawn(q1, key1, None)
    q = OrderedDict(z2=q2, z1=q1)
    p = OrderedDict(z2=standard_gaussian(), z1=Gaussian(prior["a"] * z2, prior["log_scale"]))
    likelihood = Gaussian(x, jnp.zeros(()))
    return Trace({"z1": z1, "z2": z2}, q, p, likelihood, {"z1": log_q1, "z2": log_q2})


SAMPLED = [Term("distortion", distortion), Term("sampled", sampled_rate)]


def rates(model, *terms):
    objective, params = weighted_sum(model, [*SAMPLED, *terms]), make_params()
    keys = jax.random.split(jax.random.key(2), 4000)
    return jax.jit(jax.vmap(lambda key: objective(params, key, batch(), 0)))(keys)


def test_the_sampled_rate_makes_the_bound_of_any_hierarchy():
    """At the posterior distortion + sampled rate is -log p(x), whatever is drawn."""
    loss, _ = rates(MODEL)
    np.testing.assert_allclose(loss, -log_evidence().mean(), rtol=1e-5)


def test_the_closed_forms_of_a_bottom_up_hierarchy_are_refused(key):
    """q(z1|x) is not given the z2 that p(z1|z2) is: their divergences would be off by nats."""
    message = r"in the order \['z1', 'z2'\], and p in the order \['z2', 'z1'\].*`sampled_rate`"
    with pytest.raises(TypeError, match=message):
        weighted_sum(MODEL)(make_params(), key, batch(), 0)
    with pytest.raises(TypeError, match=message):
        evaluate.elbos(MODEL, make_params(), key, batch())


def test_the_closed_form_is_the_rate_of_a_top_down_hierarchy():
    _, aux = rates(MODEL._replace(trace=top_down), Term("rate", rate, 0.0))
    difference = aux.metrics["rate"] - aux.metrics["sampled"]
    assert abs(z_score(difference)) < 4.5
    assert np.std(difference) > 0.1  # with 4000 draws the mean is known to 0.016 of that


def test_each_latent_has_free_bits_of_its_own():
    model, params = MODEL._replace(trace=top_down), make_params()
    parts = [Term(name, lambda d, name=name: rate_factors(d)[name]) for name in ("z1", "z2")]
    terms = [*parts, Term("free", free_bits(0.22)), Term("all", free_bits(0.22, of=rate))]
    _, aux = jax.jit(weighted_sum(model, terms))(params, jax.random.key(0), batch(), 0)
    found = aux.metrics
    assert found["z1"] > 0.22 > found["z2"]
    np.testing.assert_allclose(found["free"], found["z1"] + 0.22, rtol=1e-5)
    np.testing.assert_allclose(found["all"], found["z1"] + found["z2"], rtol=1e-5)


def test_elbos_of_a_data_set(key):
    params = make_params()
    bound = evaluate.elbos(MODEL, params, key, batch(), rate=sampled_rate, num_samples=3)
    expected = log_evidence()
    np.testing.assert_allclose(bound.value, expected, rtol=1e-5)


def test_log_likelihoods_of_a_data_set_are_scipys():
    """q 1.3 times as wide as the posterior and beside it: the weights' variance is finite."""
    params, key = make_params(shift=0.3, width=1.3), jax.random.key(4)
    estimate = evaluate.log_likelihoods(MODEL, params, key, batch(), num_samples=4000)
    error = estimate.value - log_evidence()
    assert np.all(np.abs(error) < 4.5 * estimate.standard_error)
    assert np.all((estimate.standard_error > 0.001) & (estimate.standard_error < 0.03))
    assert np.all((estimate.ess > 400) & (estimate.ess < 3999))
    exact = evaluate.log_likelihoods(MODEL, make_params(), key, batch(), num_samples=7)
    np.testing.assert_allclose(exact.ess, 7, rtol=1e-4)


def test_every_latent_is_checked(key):
    def changed(**p):
        def wrong(*args):
            t = run(*args)
            return t._replace(p=OrderedDict(**{**t.p, **p}))

        return MODEL._replace(trace=wrong)

    def refused(message, **p):
        with pytest.raises(ValueError, match=message):
            trace(changed(**p), make_params(), key, batch()["x"][0])

    refused(r"events of shape {'z1': \(\), 'z2': \(\)}.*'z2': \(1,\)}", z2=standard_gaussian(1))
    refused("'z3'", z3=standard_gaussian())
    refused("a density of 'volume'.*{'z1': 'volume', 'z2': 'counts'}", z2=Bernoulli(jnp.zeros(())))
