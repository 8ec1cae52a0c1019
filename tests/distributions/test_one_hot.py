"""Classes as latents, and their relaxation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from every import normal
from linear_gaussian import z_score

from vae_jax import Bernoulli, Categorical, Gaussian, Joint, kl, kl_factors
from vae_jax.distributions import (
    OneHot,
    RelaxedOneHot,
    StraightThroughOneHot,
    states,
    uniform_one_hot,
)


def test_it_is_a_categorical():
    logits, index = normal(2, 4), jnp.array([3, 0])
    z, p = jax.nn.one_hot(index, 4), Categorical(normal(2, 4, seed=1))
    for q in (OneHot(logits), StraightThroughOneHot(logits, jnp.array(0.0))):
        expected = Categorical(logits).log_prob_factors(index)
        np.testing.assert_allclose(q.log_prob_factors(z), expected, rtol=1e-6)
        rates = kl_factors(q, OneHot(p.logits))
        np.testing.assert_allclose(rates, kl_factors(Categorical(logits), p), rtol=1e-6)
        np.testing.assert_allclose(kl(q, OneHot(p.logits)), rates.sum(), rtol=1e-6)
        for other in (z * 0, z + 0.1, jnp.ones((2, 4)), -z):
            assert not q.in_support(other)
            assert q.log_prob(other) == -jnp.inf


def test_a_class_that_is_impossible():
    q = OneHot(jnp.array([0.0, -jnp.inf, 0.0]))
    f = jax.jit(jax.value_and_grad(lambda q, z: q.log_prob(z)))
    for k, expected in enumerate((-np.log(2), -np.inf, -np.log(2))):
        value, gradient = f(q, jnp.eye(3)[k])
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        assert np.all(np.isfinite(gradient.logits))


@pytest.mark.parametrize("log_temperature", [-0.7, 0.0, 0.7])
def test_the_relaxed_density_is_of_the_logarithms(log_temperature):
    """Its integral over dz_1 ... dz_{K-1} / (z_1 ... z_K) is 1: of log z_k - log z_K over R^{K-1}.

    The map's Jacobian is that measure's.
    """
    grid = np.linspace(-40.0, 40.0, 401)
    mass = (grid[1] - grid[0]) ** np.array([1, 2])
    for K, cell in zip((2, 3), mass, strict=True):
        axes = np.stack(np.meshgrid(*[grid] * (K - 1), [0.0], indexing="ij"), -1).reshape(-1, K)
        z = jnp.asarray(scipy.special.softmax(axes, axis=1), jnp.float32)
        q = RelaxedOneHot(normal(K), jnp.array(log_temperature))
        density = np.exp(np.float64(jax.jit(jax.vmap(q.log_prob))(z)))
        np.testing.assert_allclose(density.sum() * cell, 1, rtol=1e-4)


def test_the_relaxed_draws_follow_the_density(key):
    """P(z_k is the largest) is that of the class, and E[p(z) / q(z)] = 1 of another density p."""
    q, p = RelaxedOneHot(normal(1, 3), jnp.array(-0.5)), RelaxedOneHot(jnp.zeros((1, 3)), 0.0)
    draw = jax.jit(jax.vmap(lambda k: q.sample_and_log_prob(k)))
    z, log_q = draw(jax.random.split(key, 4000))
    largest = np.asarray(z)[:, 0].argmax(1)[:, None] == np.arange(3)
    assert np.all(np.abs(z_score(largest, np.asarray(jax.nn.softmax(q.logits)))) < 4.5)
    ratio = np.exp(np.float64(jax.vmap(p.log_prob)(z)) - log_q)
    assert abs(z_score(ratio, 1.0)) < 4.5


def test_nothing_is_lost_at_a_corner(key):
    """At a temperature of 0.02 all but one class are below the least number of float32."""
    q, p = (
        RelaxedOneHot(3 * normal(5, 4), jnp.log(0.02)),
        RelaxedOneHot(normal(5, 4), jnp.log(0.05)),
    )

    def score(q, p, key):
        z, log_q = q.sample_and_log_prob(key)
        return log_q - p.log_prob(z), (log_q, q.log_prob(z))

    run = jax.jit(jax.vmap(jax.value_and_grad(score, (0, 1), has_aux=True), (None, None, 0)))
    (rate, (drawn, scored)), gradient = run(q, p, jax.random.split(key, 50))
    assert np.all(np.isfinite(rate))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    np.testing.assert_allclose(drawn, scored, rtol=1e-4)


@pytest.mark.parametrize("t", [0.05, 0.5])
def test_what_is_below_the_least_number_has_a_probability(key, t):
    """However sure q is, its rate is one: not below 0, and with an end."""
    p = RelaxedOneHot(jnp.zeros(3), jnp.log(t))

    @jax.jit
    @jax.vmap
    def rates(gap):
        q = RelaxedOneHot(jnp.array([0.0, -1.0, -1.0]) * gap, jnp.log(t))
        z, log_q = jax.vmap(q.sample_and_log_prob)(jax.random.split(key, 500))
        return log_q - jax.vmap(p.log_prob)(z)

    found = rates(jnp.array([0.5, 10.0, 30.0, 100.0, 1000.0]))
    np.testing.assert_array_less(-4.5 * found.std(1) / np.sqrt(500), found.mean(1) + 1e-6)
    corner = np.log1p(2 * np.exp(-np.log(np.finfo(np.float32).tiny) * t))  # -log p of it
    np.testing.assert_allclose(found[-1], corner, rtol=1e-4)
    near = np.exp(-np.float64(found[0]))  # p/q, of draws of q
    assert abs(near.mean() - 1) < 4.5 * near.std() / np.sqrt(500)


def test_a_straight_through_draw_has_the_values_and_the_derivative(key):
    logits, weights = normal(2, 3), normal(2, 3, seed=1)
    hard, soft = (
        jax.jit(jax.value_and_grad(lambda logits, q=q: jnp.sum(q(logits).sample(key) * weights)))
        for q in (
            lambda logits: StraightThroughOneHot(logits, jnp.log(0.5)),
            lambda logits: RelaxedOneHot(logits, jnp.log(0.5)),
        )
    )
    z = StraightThroughOneHot(logits, jnp.log(0.5)).sample(key)
    np.testing.assert_array_equal(np.sort(z, axis=1), [[0, 0, 1], [0, 0, 1]])
    np.testing.assert_allclose(hard(logits)[0], jnp.sum(z * weights), rtol=1e-6)
    np.testing.assert_allclose(hard(logits)[1], soft(logits)[1], rtol=1e-5)


def test_states():
    q = Joint({"a": OneHot(normal(2, 3)), "b": Bernoulli(normal(2)), "c": Categorical(normal(2))})
    z = states(q)
    assert z["a"].shape == (9 * 4 * 2, 2, 3)
    np.testing.assert_allclose(np.exp(jax.vmap(q.log_prob)(z)).sum(), 1, rtol=1e-5)
    rows = np.concatenate([np.asarray(leaf).reshape(72, -1) for leaf in jax.tree.leaves(z)], 1)
    assert len(np.unique(rows, axis=0)) == 72
    with pytest.raises(ValueError, match=r"OneHot has 1,000,000 states, and at most 4,096.*rloo"):
        states(uniform_one_hot(6, 10))
    with pytest.raises(TypeError, match=r"The states of Gaussian cannot be listed.*rloo"):
        states(Gaussian(jnp.zeros(2), jnp.zeros(2)))
