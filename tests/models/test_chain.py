"""A chain of stochastic layers, made of modules, against the evidence of the linear oracle."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chained import MODEL, chained
from linear_gaussian import z_score
from two_layers import COV, X, a, b, batch, log_evidence, make_params, s1
from two_layers import run as by_hand

from vae_jax import (
    Draw,
    chain,
    evaluate,
    generate,
    rate,
    sampled_rate,
    standard_gaussian,
    vae,
)
from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound
from vae_jax.models import log_posterior, log_prior, trace
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot
from vae_jax.objectives import importance_weighted


def largest(tree):
    return max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(tree))


def loss_and_gradient(bound, score_free):
    objective = importance_weighted(MODEL, bound, num_draws=4, score_free=score_free)
    return jax.value_and_grad(lambda *args: objective(*args)[0])


def test_the_trace_is_the_one_written_by_hand(key):
    """The densities at given z, where no draw is involved, and x far from the mean."""
    z = {"z1": jnp.array(0.3), "z2": jnp.array(-1.2)}
    x = batch()["x"][0]
    moved = {"shift": 0.4, "width": 1.2}
    params = chained(**moved)
    ours = trace(MODEL, params, key, x, z=z)
    theirs = by_hand(None, make_params(**moved), key, x, z=z)
    for one, other in ((ours.q, theirs.q), (ours.p, theirs.p)):
        assert list(one) == list(other)
        for name, layer in one.items():
            np.testing.assert_allclose(layer.loc, other[name].loc, rtol=1e-6)
            np.testing.assert_allclose(layer.log_scale, other[name].log_scale, rtol=1e-6)
            np.testing.assert_allclose(ours.log_q[name], theirs.log_q[name], rtol=1e-6)
    np.testing.assert_allclose(ours.likelihood.log_prob(x), theirs.likelihood.log_prob(x), 1e-6)
    assert ours.z == z
    np.testing.assert_array_equal(MODEL.decode(params, z).loc, ours.likelihood.loc)


def test_the_trace_draws_each_layer_from_its_posterior():
    x, params = batch()["x"][0], chained(shift=0.4, width=1.2)
    keys = jax.random.split(jax.random.key(3), 4000)

    def standardized(key):
        t = trace(MODEL, params, key, x)
        return jnp.stack([(t.z[n] - q.loc) / jnp.exp(q.log_scale) for n, q in t.q.items()])

    noise = np.asarray(jax.vmap(standardized)(keys))  # [n, 2], standard
    assert np.all(np.abs(z_score(noise)) < 4.5)
    assert np.all(np.abs(z_score(noise**2, 1)) < 4.5)
    assert abs(z_score(noise[:, 0] * noise[:, 1])) < 4.5  # each layer has a key of its own


@pytest.mark.parametrize("bound", [elbo_bound(), iwae_bound()], ids=["elbo", "iwae"])
def test_at_the_posterior_every_bound_is_the_evidence(bound, key, x64):
    """log w is constant, and so the score-free gradient of q is zero, d log q(z2|z1) / dz1 and
    all: it would not be with the leaves of q(z2|z1) held fixed, in the place of parameters."""

    @jax.jit
    def both(params):
        return [loss_and_gradient(bound, f)(params, key, batch(np.float64), 0) for f in (0, 1)]

    sizes = []
    for loss, gradient in both(chained(np.float64)):
        np.testing.assert_allclose(loss, -log_evidence().mean(), rtol=1e-12)
        sizes += [largest(gradient["encoder"])]
    assert sizes[0] > 1e-2
    assert sizes[1] < 1e-12


@pytest.mark.parametrize("bound", [elbo_bound(), ciwae_bound(0.3)], ids=["elbo", "ciwae"])
def test_the_score_free_gradient_has_the_plain_ones_mean(bound):
    params = chained(shift=0.4, width=1.2)

    @jax.jit
    @jax.vmap
    def both(key):
        return [loss_and_gradient(bound, f)(params, key, batch(), 0)[1] for f in (0, 1)]

    plain, free = both(jax.random.split(jax.random.key(1), 4000))
    scores = jax.tree.map(lambda p, f: z_score(p - f), plain["encoder"], free["encoder"])
    assert largest(scores) < 4.5
    # the same number of the same draws: rounding of some 20 terms of size 1 to 10
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    jax.tree.map(close, plain["decoder"], free["decoder"])
    spreads = [np.std(gradient["encoder"]["1"]["bias"]) for gradient in (plain, free)]
    assert not np.isclose(*spreads, rtol=0.05)  # two estimators, not one


def test_the_bounds_of_a_data_set(key):
    bound = evaluate.elbos(MODEL, chained(), key, batch(), rate=sampled_rate, num_samples=3)
    np.testing.assert_allclose(bound.value, log_evidence(), rtol=1e-5)
    params = chained(shift=0.3, width=1.3)
    estimate = evaluate.log_likelihoods(MODEL, params, key, batch(), num_samples=4000)
    error = estimate.value - log_evidence()
    assert np.all(np.abs(error) < 4.5 * estimate.standard_error)


def test_samples_have_the_models_mean_and_covariance():
    x = np.asarray(generate.sample(MODEL, chained(), jax.random.key(2), 4000, draw_x=True))
    assert np.all(np.abs(z_score(x, b)) < 4.5)
    products = (x - b)[:, :, None] * (x - b)[:, None, :]
    assert np.all(np.abs(z_score(products, COV)) < 4.5)
    z = jax.vmap(MODEL.prior(chained()).sample)(jax.random.split(jax.random.key(3), 4000))
    z1, z2 = np.asarray(z["z1"]), np.asarray(z["z2"])
    assert abs(z_score(z1**2, a**2 + s1**2)) < 4.5
    assert abs(z_score(z1 * z2, a)) < 4.5


def test_reconstructions_are_those_of_the_first_layer(key):
    params, x = chained(), batch()["x"]
    expected = [MODEL.decode(params, MODEL.encode(params, one).mean()).mean() for one in x]
    np.testing.assert_allclose(generate.reconstruct(MODEL, params, key, x), expected, rtol=1e-6)
    assert generate.reconstruct(MODEL, params, key, x, draw_z=True, draw_x=True).shape == (2, 3)
    first = [MODEL.encode(params, one).given["first"].loc for one in x]
    np.testing.assert_allclose([MODEL.encode(params, one).mean()["z1"] for one in x], first)


def test_a_chain_of_one_layer_is_a_vae(key):
    encoder, decoder = (
        Network(MLP((4,)), GaussianHead((2,))),
        Network(MLP((4,)), GaussianHead((3,))),
    )
    plain, one = (
        vae(encoder, decoder, standard_gaussian(2)),
        chain([encoder], [decoder], standard_gaussian(2)),
    )
    params = plain.init(key, X[0])
    nested = {name: {"1": group} for name, group in params.items()}
    shapes = partial(jax.tree.map, jnp.shape)
    assert shapes(one.init(key, X[0])) == shapes(nested)
    x, z = batch()["x"][0], jnp.array([0.2, -0.4])
    expected, found = trace(plain, params, key, x, z=z), trace(one, nested, key, x, z={"z1": z})
    for function in (log_prior, log_posterior, lambda t: t.likelihood.log_prob(x)):
        np.testing.assert_allclose(function(found), function(expected), rtol=1e-6)
    rates = [rate(Draw(t, x, None, {}, key, None)) for t in (found, expected)]
    np.testing.assert_allclose(*rates, rtol=1e-6)  # one order of one latent: in closed form
    assert generate.sample(one, nested, key, 4).shape == (4, 3)


def bernoulli_chain(dropout=0.0, embed=None):
    body = MLP((8,), dropout=dropout)
    encoders = [Network(body, GaussianHead((n,)), embed) for n in (4, 3, 2)]
    heads = (BernoulliHead((5,)), GaussianHead((4,)), GaussianHead((3,)))
    return chain(encoders, [Network(body, h, embed) for h in heads], standard_gaussian(2))


def test_three_layers_of_different_sizes(key):
    model, x = bernoulli_chain(), jnp.ones(5)
    params = jax.jit(model.init)(key, x)
    assert [sorted(params[g]) for g in ("encoder", "decoder")] == [["1", "2", "3"]] * 2
    t = trace(model, params, key, x)
    assert {name: z.shape for name, z in t.z.items()} == {"z1": (4,), "z2": (3,), "z3": (2,)}
    assert generate.sample(model, params, key, 6).shape == (6, 5)
    other = jax.jit(model.init)(jax.random.key(1), x)
    kernels = [[leaf for leaf in jax.tree.leaves(p) if leaf.ndim == 2] for p in (params, other)]
    assert not any(np.array_equal(*pair) for pair in zip(*kernels, strict=True))


def test_no_two_networks_begin_with_the_same_numbers(key):
    """Layers alike, of which one key would make the same parameters."""
    layer = Network(MLP((3,)), GaussianHead((3,)))
    params = chain([layer] * 3, [layer] * 3, standard_gaussian(3)).init(key, jnp.ones(3))
    firsts = [g[n]["body"]["Dense_0"]["kernel"] for g in params.values() for n in "123"]
    assert len({np.asarray(kernel).tobytes() for kernel in firsts}) == 6


def test_a_condition_reaches_every_network(key):
    model, x = bernoulli_chain(embed=one_hot(3)), jnp.ones(5)
    params = jax.jit(model.init)(key, x, 1)
    z = {f"z{4 - n}": jnp.full(n + 1, 0.5) for n in (3, 2, 1)}
    one, other = (trace(model, params, key, x, c, z) for c in (1, 2))
    given = [(*t.q.values(), *(p for name, p in t.p.items() if name != "z3")) for t in (one, other)]
    for first, second in zip(*given, strict=True):
        assert not np.allclose(first.loc, second.loc)
    assert not np.allclose(one.likelihood.logits, other.likelihood.logits)
    c = jnp.array([1, 2])
    drawn = generate.sample(model, params, key, 2, c)
    assert drawn.shape == (2, 5)
    top = lambda c: model.prior(params, c).sample(key)["z1"]  # noqa: E731
    assert not np.allclose(top(1), top(2))
