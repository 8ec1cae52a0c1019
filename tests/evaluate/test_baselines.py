"""Densities without latents, against scipy and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax import (
    Bernoulli,
    Categorical,
    ContinuousBernoulli,
    Gaussian,
    Joint,
    Laplace,
    NegativeBinomial,
    Poisson,
    ZeroInflated,
    evaluate,
    standard_gaussian,
)
from vae_jax.distributions import Mixture
from vae_jax.evaluate.baselines import mean_and_variance

RNG = np.random.default_rng(0)
X = RNG.normal(2.0, [0.5, 3.0], (200, 2)).astype(np.float32)
KINDS = {
    "gaussian": (standard_gaussian(2), X),
    "laplace": (Laplace(jnp.zeros(2), jnp.zeros(2)), X),
    "bernoulli": (Bernoulli(jnp.zeros(2)), (X > 2).astype(np.float32)),
    "continuous_bernoulli": (ContinuousBernoulli(jnp.zeros(2)), np.clip(X / 4, 0, 1)),
    "categorical": (Categorical(jnp.zeros((2, 4))), np.clip(np.abs(X), 0, 2).astype(np.int32)),
    "poisson": (Poisson(jnp.zeros(2)), np.abs(X).astype(np.int32)),
}


def log_probs(distribution, x):
    return np.asarray(jax.vmap(distribution.log_prob)(x), np.float64)


def moved(fitted, by):
    return jax.tree.map(lambda leaf: leaf + by * RNG.normal(size=leaf.shape), fitted)


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_parameters_are_likelier(kind):
    likelihood, x = KINDS[kind]
    fitted = evaluate.independent(likelihood, x)
    assert type(fitted) is type(likelihood)
    best = log_probs(fitted, x).mean()
    others = [log_probs(moved(fitted, 0.2), x).mean() for _ in range(20)]
    assert max(others) < best


@pytest.mark.parametrize("kind", KINDS)
def test_examples_on_a_device_are_those_on_the_host(kind):
    likelihood, x = KINDS[kind]
    fitted = [evaluate.independent(likelihood, own) for own in (x, jnp.asarray(x))]
    jax.tree.map(np.testing.assert_array_equal, *fitted)


def test_a_gaussian_has_moments_and_a_floor():
    constant = np.concatenate([X, np.ones((200, 1), np.float32)], axis=1)
    fitted = evaluate.independent(standard_gaussian(3), constant)
    np.testing.assert_allclose(fitted.loc, constant.mean(axis=0), rtol=1e-5)
    scale = [*X.std(axis=0), np.exp(-6)]
    np.testing.assert_allclose(np.exp(fitted.log_scale), scale, rtol=1e-4)


def test_moments_are_those_of_numpy_and_keep_their_digits():
    x = (1e4 + RNG.normal(size=(250, 3, 2))).astype(np.float32)
    mean, variance = mean_and_variance(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-9)


def test_nothing_is_impossible():
    x = np.zeros((8, 3), np.int32)
    binary = evaluate.independent(Bernoulli(jnp.zeros(3)), x.astype(np.float32))
    np.testing.assert_allclose(log_probs(binary, np.ones((1, 3))), 3 * np.log(0.5 / 9), rtol=1e-5)
    classes = evaluate.independent(Categorical(jnp.zeros((3, 4))), x)
    np.testing.assert_allclose(log_probs(classes, x[:1] + 3), 3 * np.log(1 / 12), rtol=1e-5)
    counts = evaluate.independent(Poisson(jnp.zeros(3)), x)
    assert np.isfinite(log_probs(counts, x[:1] + 1)).all()


def test_of_several_parts_each():
    both = {"a": KINDS["gaussian"], "b": KINDS["poisson"]}
    joint = Joint({name: likelihood for name, (likelihood, _) in both.items()})
    x = {name: part for name, (_, part) in both.items()}
    apart = [log_probs(evaluate.independent(*both[name]), x[name]) for name in both]
    np.testing.assert_allclose(log_probs(evaluate.independent(joint, x), x), sum(apart), rtol=1e-5)
    mixture = Mixture(jnp.zeros(2), jax.vmap(Gaussian)(jnp.zeros((2, 2)), jnp.zeros((2, 2))))
    assert evaluate.independent(mixture, X) is None
    assert evaluate.independent(Joint({"a": mixture, "b": joint.parts["b"]}), x) is None


def test_counts_that_vary_more_are_likelier_than_poissons():
    rng = np.random.default_rng(1)
    x = rng.poisson(rng.gamma(0.5, 10, (300, 2))).astype(np.int32)
    binomial = NegativeBinomial(jnp.zeros(2), jnp.zeros(2))
    fitted = evaluate.independent(ZeroInflated(binomial, jnp.zeros(2)), x)
    assert isinstance(fitted, NegativeBinomial)
    poisson = evaluate.independent(Poisson(jnp.zeros(2)), x)
    assert log_probs(fitted, x).mean() > log_probs(poisson, x).mean() + 5
    np.testing.assert_allclose(np.exp(fitted.log_theta), 0.5, rtol=0.5)


def test_a_full_covariance_knows_that_dimensions_go_together():
    rng = np.random.default_rng(0)
    mixing = np.eye(3) + rng.normal(size=(3, 3)) / 2
    train, test = (rng.normal(size=(n, 3)) @ mixing + 1 for n in (4000, 50))
    density = evaluate.full_covariance(train.reshape(4000, 3, 1))
    exact = stats.multivariate_normal(np.ones(3), mixing.T @ mixing).logpdf(test)
    # 9 parameters of 4,000 examples: about 9 / (2 * 4000), and what is shrunk
    assert abs((density(test.reshape(50, 3, 1)) - exact).mean()) < 0.05
    alone = log_probs(evaluate.independent(standard_gaussian(3), train), test)
    assert density(test).mean() > alone.mean()
    assert evaluate.full_covariance(train[:2]) is None
