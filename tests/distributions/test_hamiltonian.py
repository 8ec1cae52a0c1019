"""Draws moved by leapfrog steps, on the model whose evidence is known."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import Gaussian, evaluate, rate, sampled_rate, standard_gaussian
from vae_jax.distributions import Hamiltonian, uniform_one_hot
from vae_jax.models import latents, trace, with_hamiltonian

MODEL = with_hamiltonian(
    lg.RECORD._replace(init=lambda key, x, c=None: lg.params(shift=0.7, width=1.1)), 4
)
X = lg.X.astype(np.float32)


@pytest.fixture(scope="module")
def params():
    """Steps of 0.2 and 0.35, and a momentum that begins 1.2 times as large."""
    first = MODEL.init(jax.random.key(0), X[0])
    own = {"step": jnp.log(jnp.array([2 / 3, 7 / 3])), "start": jnp.log(7 / 3)}
    return {**first, "hamiltonian": own}


def test_the_mean_weight_is_the_evidence_with_tempering_on(params):
    """E[w] = p(x): the momentum that was drawn is scored; with the mean of its score in the place
    of it E[w] is 1.56 p(x) here."""

    def log_weight(key, x):
        t = trace(MODEL, params, key, x)
        return t.likelihood.log_prob(x) + t.p.log_prob(t.z) - t.log_q, t.z["momentum"]

    run = jax.jit(jax.vmap(jax.vmap(log_weight, (0, None)), (None, 0)))
    log_w, momentum = run(jax.random.split(jax.random.key(1), 20_000), X)
    evidence = lg.log_evidence(lg.X)[:, None]
    ratio = np.exp(np.float64(log_w) - evidence).T
    assert np.all(np.abs(lg.z_score(ratio, 1.0)) < 4.5)
    assert np.all(ratio.std(0) < 2.0)  # else the standard error says little
    # nearer to the evidence than the draws that were moved
    base = evaluate.elbos(lg.RECORD, params, jax.random.key(2), {"x": X}, num_samples=4000)
    assert np.all(np.float64(log_w).mean(1) > base.value + 0.03)
    assert np.all(np.std(momentum, axis=1) > 0.5)


def test_a_draw_goes_back_and_keeps_its_volume(params, key):
    q = MODEL.encode(params, X[0])
    assert isinstance(q, Hamiltonian)

    def of(q):
        value, log_q = q.sample_and_log_prob(key)
        return log_q, q.log_prob(value), q.in_support(value)

    drawn, scored, inside = jax.jit(of)(q)
    np.testing.assert_allclose(drawn, scored, atol=1e-4)
    assert inside

    def moved(start):  # (z_0, g) -> (z_K, r_K), by an inverse of the way back
        return jnp.concatenate(q._back({"latent": start[:2], "momentum": start[2:]}))

    value = q.sample(key)
    back = jax.jit(jax.jacfwd(moved))(jnp.concatenate([value["latent"], value["momentum"]]))
    np.testing.assert_allclose(np.linalg.slogdet(back)[1], 0, atol=1e-4)


def test_its_steps_are_learned(params, key):
    def bound(params):
        keys = jax.random.split(key, 50)
        draws = jax.vmap(lambda k: trace(MODEL, params, k, X[0]))(keys)
        return jnp.mean(jax.vmap(lambda t: t.likelihood.log_prob(X[0]) - t.log_q)(draws))

    gradient = jax.jit(jax.grad(bound))(params)
    for leaf in jax.tree.leaves(gradient):
        assert np.all(np.isfinite(leaf))
        assert np.all(leaf != 0)
    assert sorted(latents(MODEL.encode(params, X[0]))) == ["latent", "momentum"]


def test_what_cannot_be_moved_is_refused(params, key):
    classes = lg.RECORD._replace(prior=lambda params, c=None, key=None: uniform_one_hot(2, 3))
    for record, match in (
        (classes, "an array that forces can move.*a density of 'counts'"),
        (MODEL, "a model of one latent.*'latent': \\(2,\\)"),
    ):
        with pytest.raises(ValueError, match=match):
            with_hamiltonian(record, 2).init(key, X[0])
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        with_hamiltonian(lg.RECORD, 0)
    with pytest.raises(TypeError, match=r"has no closed form here.*sampled_rate"):
        evaluate.elbos(MODEL, params, key, {"x": X}, rate=rate)
    bound = evaluate.elbos(MODEL, params, key, {"x": X}, rate=sampled_rate)
    assert np.all(np.isfinite(bound.value))
    plain = with_hamiltonian(lg.RECORD, 2, tempered=False)
    q = plain.encode(plain.init(key, X[0]), X[0])
    np.testing.assert_array_equal(q._inverse_roots(), np.ones(3))
    wrong = {"latent": jnp.zeros(3), "momentum": jnp.zeros(2)}
    with pytest.raises(ValueError, match=r"Hamiltonian has events of shape \(2,\)"):
        q.log_prob(wrong)
    assert isinstance(q.base, Gaussian)
    assert standard_gaussian(2).in_support(q.sample(key)["latent"])
