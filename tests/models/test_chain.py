"""A chain of stochastic layers, made of modules, against the evidence of the linear oracle."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from affine import Affine
from linear_gaussian import z_score
from two_layers import COV, X, a, b, batch, log_evidence, make_params, s1
from two_layers import run as by_hand

from vae_jax import chain, elbo, evaluate, generate, sampled_rate, standard_gaussian, vae
from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound
from vae_jax.models import log_posterior, log_prior, trace
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, one_hot
from vae_jax.objectives import importance_weighted, weighted_sum

MODEL = chain([Affine(()), Affine(())], [Affine((3,)), Affine(())], standard_gaussian())


def chained(dtype=np.float32, **moved):
    """The oracle's parameters, as those of the chain."""
    tree = make_params(dtype, **moved)
    enc, dec, prior = tree["encoder"], tree["decoder"], tree["prior"]
    layer = lambda *leaves: dict(zip(("kernel", "bias", "log_scale"), leaves, strict=True))  # noqa: E731
    return {
        "encoder": {
            "1": layer(enc["A"], enc["c"], enc["log_scales"][0]),
            "2": layer(enc["d"], enc["e"], enc["log_scales"][1]),
        },
        "decoder": {
            "1": layer(dec["w"], dec["b"], dec["log_scale"]),
            "2": layer(prior["a"], jnp.zeros_like(prior["a"]), prior["log_scale"]),
        },
    }


def largest(tree):
    return max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(tree))


def loss_and_gradient(bound, score_free):
    objective = importance_weighted(MODEL, bound, num_draws=4, score_free=score_free)
    return jax.value_and_grad(lambda *args: objective(*args)[0])


def test_the_trace_is_the_one_written_by_hand(key):
    """The densities at given z, where no draw is involved, and x far from the mean."""
    z = (jnp.array(0.3), jnp.array(-1.2))
    x = batch()["x"][0]
    moved = {"shift": 0.4, "width": 1.2}
    ours = trace(MODEL, chained(**moved), key, x, z=z)
    theirs = by_hand(make_params(**moved), key, x, z=z)
    below, top = ours.p
    for ours_l, theirs_l in zip(
        (*ours.q, below.distribution, top), (*theirs.q, *theirs.p), strict=True
    ):
        np.testing.assert_allclose(ours_l.loc, theirs_l.loc, rtol=1e-6)
        np.testing.assert_allclose(ours_l.log_scale, theirs_l.log_scale, rtol=1e-6)
    np.testing.assert_allclose(ours.likelihood.log_prob(x), theirs.likelihood.log_prob(x), 1e-6)
    assert ours.z == z
    params = chained(**moved)
    np.testing.assert_array_equal(MODEL.encode(params, x).loc, ours.q[0].loc)
    np.testing.assert_array_equal(MODEL.decode(params, z[0]).loc, ours.likelihood.loc)


def test_the_trace_draws_each_layer_from_its_posterior():
    x, params = batch()["x"][0], chained(shift=0.4, width=1.2)
    keys = jax.random.split(jax.random.key(3), 4000)

    def standardized(key):
        t = trace(MODEL, params, key, x)
        pairs = zip(t.z, t.q, strict=True)
        return jnp.stack([(z - q.loc) / jnp.exp(q.log_scale) for z, q in pairs])

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
    assert abs(z_score(np.asarray(z) ** 2, a**2 + s1**2)) < 4.5  # of z1, not of z2


def test_reconstructions_are_those_of_the_first_layer(key):
    params, x = chained(), batch()["x"]
    expected = [MODEL.decode(params, MODEL.encode(params, one).mean()).mean() for one in x]
    np.testing.assert_allclose(generate.reconstruct(MODEL, params, key, x), expected, rtol=1e-6)
    assert generate.reconstruct(MODEL, params, key, x, draw_z=True, draw_x=True).shape == (2, 3)


def test_the_first_layers_prior_has_no_density(key):
    prior = MODEL.prior(chained())
    with pytest.raises(TypeError, match=r"without a density.*model\.trace.*sampled_rate"):
        prior.log_prob(jnp.zeros(()))
    with pytest.raises(TypeError, match="Ancestral has no mean"):
        prior.mean()
    parts = (partial(getattr(MODEL, name), chained()) for name in ("encode", "decode"))
    with pytest.raises(TypeError, match="sampled_elbo"):
        elbo(key, batch()["x"][0], *parts, prior)
    with pytest.raises(TypeError, match="has none to scale"):
        generate.sample(MODEL, chained(), key, 2, temperature=0.5)


def test_the_closed_forms_of_the_layers_are_not_the_rate(key):
    """KL(q(z1|x) || p(z1|z2)) + KL(q(z2|z1) || p(z2)) would be off by nats: it is refused."""
    with pytest.raises(
        TypeError, match=r"KL\(Gaussian \|\| GivenAbove\).*`sampled_rate` for `rate`"
    ):
        weighted_sum(MODEL)(chained(), key, batch(), 0)
    with pytest.raises(TypeError, match="sampled_rate"):
        evaluate.elbos(MODEL, chained(), key, batch())


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
    x, z = batch()["x"][0], (jnp.array([0.2, -0.4]),)
    expected, found = trace(plain, params, key, x, z=z), trace(one, nested, key, x, z=z)
    for function in (log_prior, log_posterior, lambda t: t.likelihood.log_prob(x)):
        np.testing.assert_allclose(function(found), function(expected), rtol=1e-6)
    np.testing.assert_array_equal(one.prior(nested).loc, jnp.zeros(2))  # with a closed-form rate
    assert generate.sample(one, nested, key, 4, temperature=0.5).shape == (4, 3)


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
    assert [z.shape for z in t.z] == [(4,), (3,), (2,)]
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
    z = tuple(jnp.full(n, 0.5) for n in (4, 3, 2))
    one, other = (trace(model, params, key, x, c, z) for c in (1, 2))
    given = [(*t.q, *(p.distribution for p in t.p[:-1])) for t in (one, other)]
    for first, second in zip(*given, strict=True):
        assert not np.allclose(first.loc, second.loc)
    assert not np.allclose(one.likelihood.logits, other.likelihood.logits)
    c = jnp.array([1, 2])
    drawn = generate.sample(model, params, key, 2, c)
    assert drawn.shape == (2, 5)
    top = lambda c: model.prior(params, c).sample(key)  # noqa: E731
    assert not np.allclose(top(1), top(2))
