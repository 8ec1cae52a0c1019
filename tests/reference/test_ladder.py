"""A ladder: one shared pass, equal in numbers to its posterior, prior and decoder by themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import Normalised, Up
from linear_gaussian import z_score

from vae_jax import (
    Gaussian,
    Joint,
    Term,
    evaluate,
    generate,
    importance_weighted,
    iwae_bound,
    rate,
    sampled_rate,
    standard_gaussian,
    weighted_sum,
)
from vae_jax.models import Rung, ladder, log_posterior, log_prior, trace, with_prior
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

X = (np.random.default_rng(0).random((8, 6)) < 0.4).astype(np.float32)


def gaussian(size, dropout=0.0):
    return Network(MLP((6,), dropout=dropout), GaussianHead((size,)))


def make(dropout=0.0):
    rungs = [Rung(gaussian(n, dropout), gaussian(n, dropout), MLP((7,))) for n in (2, 3)]
    decoder = Network(MLP((6,)), BernoulliHead((6,)))
    return ladder(Up(dropout), rungs, decoder, width=7)


MODEL = make()
PARAMS = jax.jit(MODEL.init)(jax.random.key(0), X[0])
PARAMS = jax.tree.map(lambda leaf: leaf + 0.1, PARAMS)  # off the biases' zeros
LAYERED = MODEL._replace(trace=None)


def test_the_shared_pass_is_the_layered_form(key):
    """z, log q, log p, the likelihood, the rate; drawn, and at a given z."""
    rates = [Term("sampled", sampled_rate), Term("rate", rate)]
    objectives = [weighted_sum(m, rates, num_samples=2) for m in (MODEL, LAYERED)]
    one, other = (o(PARAMS, key, {"x": X}, 0)[1].metrics for o in objectives)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), one, other)
    drawn = trace(LAYERED, PARAMS, key, X[0]).z
    for z in (None, drawn):
        one, other = (trace(m, PARAMS, key, X[0], z=z) for m in (MODEL, LAYERED))
        assert list(one.q) == list(one.p) == list(other.q) == list(other.p) == ["z2", "z1"]
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # noqa: E731
        jax.tree.map(close, one, other)
        q, p = MODEL.encode(PARAMS, X[0]), MODEL.prior(PARAMS)
        np.testing.assert_allclose(log_posterior(one), q.log_prob(one.z), rtol=1e-5)
        np.testing.assert_allclose(log_prior(one), p.log_prob(one.z), rtol=1e-5)


def test_the_closed_form_is_the_rate():
    keys = jax.random.split(jax.random.key(1), 4000)
    objective = weighted_sum(MODEL, [Term("rate", rate), Term("sampled", sampled_rate)])
    metrics = jax.jit(jax.vmap(lambda k: objective(PARAMS, k, {"x": X[:1]}, 0)[1].metrics))(keys)
    assert abs(z_score(metrics["rate"] - metrics["sampled"])) < 4.5
    assert np.std(metrics["rate"] - metrics["sampled"]) > 0.1


def test_the_shared_pass_is_cheaper(key):
    def operations(model):
        loss = jax.jit(jax.grad(lambda p: weighted_sum(model)(p, key, {"x": X}, 0)[0]))
        return loss.lower(PARAMS).compile().cost_analysis()["flops"]

    assert operations(MODEL) < 0.95 * operations(LAYERED)  # of which a compiler merges some


def test_a_replaced_prior_is_seen(key):
    far = with_prior(
        MODEL, Joint({"z1": Gaussian(9 * jnp.ones(3), jnp.zeros(3)), "z2": standard_gaussian(2)})
    )
    data = {"x": X}
    for bound in (
        lambda m: evaluate.elbos(m, PARAMS, key, data, rate=sampled_rate).value,
        lambda m: importance_weighted(m, iwae_bound(), num_draws=2)(PARAMS, key, data, 0)[0],
        lambda m: evaluate.log_likelihoods(m, PARAMS, key, data, num_samples=2).value,
    ):
        assert np.all(np.abs(bound(far) - bound(MODEL)) > 5)


def test_the_latents_below_follow(key):
    z = jnp.zeros(2)
    moved = generate.traverse(MODEL, PARAMS, z, 0, jnp.array([-3.0, 3.0]), latent="z2")
    assert np.abs(moved[0] - moved[1]).max() > 1e-3
    units = evaluate.active_units(MODEL, PARAMS, key, {"x": X}, num_samples=5)
    assert {name: unit.variance.shape for name, unit in units.items()} == {"z1": (3,), "z2": (2,)}
    drawn = generate.sample(MODEL, PARAMS, key, 3)
    assert drawn.shape == (3, 6)


def test_dropout_takes_its_noise_from_the_key(key):
    noisy = make(dropout=0.5)
    one, other, none = (
        trace(noisy, PARAMS, key, X[0], noise=n)
        for n in (jax.random.key(1), jax.random.key(2), None)
    )
    assert not np.allclose(one.q["z2"].loc, other.q["z2"].loc)
    np.testing.assert_allclose(none.q["z2"].loc, trace(MODEL, PARAMS, key, X[0]).q["z2"].loc)


def test_ladders_that_do_not_fit_are_refused(key):
    decoder = Network(MLP((6,)), BernoulliHead((6,)))
    with pytest.raises(ValueError, match="one rung at least"):
        ladder(Up(), [], decoder, 7)
    rung = Rung(gaussian(2), gaussian(2), MLP((7,)))
    with pytest.raises(ValueError, match="for each rung, 3 of them; got 2"):
        ladder(Up(), [rung] * 3, decoder, 7).init(key, X[0])
    wrong = Rung(gaussian(2), gaussian(3), MLP((7,)))
    with pytest.raises(ValueError, match=r"they must be the same"):
        ladder(Up(), [wrong, rung], decoder, 7).init(key, X[0])
    for part in Rung._fields:
        norm = Normalised(7) if part == "down" else Network(Normalised(6), GaussianHead((2,)))
        with pytest.raises(ValueError, match=r"keeps \['batch_stats'\] besides its parameters"):
            ladder(Up(), [rung._replace(**{part: norm}), rung], decoder, 7).init(key, X[0])
    with pytest.raises(TypeError, match="must be a Flax Linen module"):
        ladder(lambda x: x, [rung], decoder, 7)
