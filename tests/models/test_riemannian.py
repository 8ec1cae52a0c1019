"""Posteriors moved in a learned metric, on the model whose evidence is known; and its sampler."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import FullGaussian, generate
from vae_jax.distributions import PrecisionGaussian, RiemannianHamiltonian
from vae_jax.generate.by_metric import _moved
from vae_jax.models import trace, with_riemannian_hamiltonian
from vae_jax.networks import MLP, MetricHead, Network

X = lg.X.astype(np.float32)
RECORD = lg.RECORD._replace(init=lambda key, x, c=None: lg.params(shift=0.7, width=1.1))
MODEL = with_riemannian_hamiltonian(
    RECORD,
    3,
    Network(MLP((4,)), MetricHead(2)),
    lambda key, x: jnp.asarray(X),
    least=0.3,
)


@pytest.fixture(scope="module")
def params():
    """The largest steps, of 0.1, and a momentum that begins larger by 1.1."""
    first = MODEL.init(jax.random.key(0), X[0])
    own = {"step": jnp.full(2, 5.0), "start": jnp.log(4.0)}
    return {**first, "hamiltonian": own}


def test_the_mean_weight_is_the_evidence(params):
    def log_weight(key, x):
        t = trace(MODEL, params, key, x)
        log_p = sum(p.log_prob(t.z[name]) for name, p in t.p.items())
        return t.likelihood.log_prob(x) + log_p - t.log_q

    run = jax.jit(jax.vmap(jax.vmap(log_weight, (0, None)), (None, 0)))
    log_w = np.float64(run(jax.random.split(jax.random.key(1), 10_000), X))
    ratio = np.exp(log_w - lg.log_evidence(lg.X)[:, None]).T
    assert np.all(np.abs(lg.z_score(ratio, 1.0)) < 4.5)
    assert np.all(ratio.std(0) < 2.5)  # else the standard error says little


def test_a_step_keeps_the_volume_and_goes_back(params, key):
    q = MODEL.encode(params, X[0])
    assert isinstance(q, RiemannianHamiltonian)
    np.testing.assert_allclose(np.exp(q.log_step), 0.1, rtol=0.01)
    q = q.replace(iterations=8)

    def step(at):
        return jnp.concatenate(q._leapfrog(at[:2], at[2:]))

    at = jax.random.normal(key, (4,))
    jacobian, end = jax.jit(lambda at: (jax.jacfwd(step)(at), step(at)))(at)
    np.testing.assert_allclose(np.linalg.slogdet(jacobian)[1], 0, atol=1e-4)
    # back: the momentum turned round, a step, and turned round again
    turned = jax.jit(step)(end * jnp.array([1, 1, -1, -1]))
    np.testing.assert_allclose(turned * jnp.array([1, 1, -1, -1]), at, atol=1e-4)
    away = jax.jit(jax.jacfwd(lambda z: q.factor(q.given, z)))(at[:2])
    assert np.abs(away).max() > 0.1  # the metric is not the same everywhere


def test_metric_and_steps_are_learned(params, key):
    def bound(params):
        t = trace(MODEL, params, key, X[0])
        log_p = sum(p.log_prob(t.z[name]) for name, p in t.p.items())
        return t.likelihood.log_prob(X[0]) + log_p - t.log_q

    gradient = jax.jit(jax.grad(bound))(params)
    for group in ("metric", "hamiltonian", "encoder"):
        for leaf in jax.tree.leaves(gradient[group]):
            assert np.all(np.isfinite(leaf))
        assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient[group]))


def test_a_precision_is_an_inverse_covariance(key):
    factor = jnp.array([[2.0, 0.0], [0.7, 0.5]])
    covariance = np.linalg.inv(np.float64(factor @ factor.T))
    root = np.linalg.cholesky(covariance)
    scale = np.diag(root)
    full = FullGaussian(jnp.zeros(2), jnp.log(scale), jnp.asarray(root / scale[:, None]))
    x = jnp.array([0.3, -0.8])
    q = PrecisionGaussian(factor)
    np.testing.assert_allclose(q.log_prob(x), full.log_prob(x), rtol=1e-5)
    draws = jax.jit(jax.vmap(q.sample_and_log_prob))(jax.random.split(key, 4000))
    np.testing.assert_allclose(np.cov(draws[0].T), covariance, rtol=0.15, atol=0.05)
    np.testing.assert_allclose(draws[1][0], q.log_prob(draws[0][0]), rtol=1e-5)


def test_the_sampler_keeps_a_density_and_draws_examples(params, key):
    """Of a standard normal in one dimension, from afar, 40 moves; of the model, its examples."""
    move = lambda z, k: (_moved(lambda z: -0.5 * jnp.sum(z**2), 5, 0.4, z, k), None)  # noqa: E731
    one = lambda k: jax.lax.scan(move, jnp.full(1, 3.0), jax.random.split(k, 40))[0][0]  # noqa: E731
    z = np.float64(jax.jit(jax.vmap(one))(jax.random.split(key, 2000)))
    assert abs(lg.z_score(z)) < 4.5
    assert abs(lg.z_score(z**2, 1.0)) < 4.5
    x = generate.sample_by_metric(MODEL, params, key, 6, chain=5, leapfrog=3)
    assert x.shape == (6, 4)
    assert np.all(np.isfinite(x))
    with pytest.raises(TypeError, match=r"with_riemannian_hamiltonian.*got a prior Gaussian"):
        generate.sample_by_metric(RECORD, params, key, 2)
