import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vae_jax.distributions import Bernoulli, Categorical, Gaussian, Joint, standard_gaussian

Z = np.array([0.3, -1.2])
X = np.array([1, 0, 1])
PIXELS = np.array([0.5, -0.5, 2.0])


def _parts():
    return Gaussian(jnp.ones(2), jnp.full(2, 0.5)), Bernoulli(jnp.array(PIXELS))


def _scipy_log_prob():
    log_z = scipy.stats.norm.logpdf(Z, 1, np.exp(0.5)).sum()
    return log_z + scipy.stats.bernoulli.logpmf(X, scipy.special.expit(PIXELS)).sum()


@pytest.mark.parametrize(
    "arrange",
    [
        lambda a, b: (a, b),
        lambda a, b: {"z": a, "x": b},
        lambda a, b: {"latents": (a,), "x": {"image": b}},
    ],
    ids=["tuple", "dict", "nested"],
)
def test_log_prob_is_the_sum_over_parts(arrange, key):
    q = Joint(arrange(*_parts()))
    x = arrange(jnp.array(Z), jnp.array(X))
    np.testing.assert_allclose(q.log_prob(x), _scipy_log_prob(), rtol=2e-6)
    assert jax.tree.structure(q.sample(key)) == jax.tree.structure(x)
    expected = arrange(jnp.ones(2), scipy.special.expit(PIXELS))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), q.mean(), expected)


def test_joint_of_joints():
    gaussian, bernoulli = _parts()
    q = Joint((Joint({"z": gaussian}), bernoulli))
    log_prob = q.log_prob(({"z": jnp.array(Z)}, jnp.array(X)))
    np.testing.assert_allclose(log_prob, _scipy_log_prob(), rtol=2e-6)


def test_parts_are_sampled_independently(key):
    n = 2000
    q = Joint((standard_gaussian(), standard_gaussian()))
    a, b = jax.jit(jax.vmap(q.sample))(jax.random.split(key, n))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4.5 / np.sqrt(n)  # standard error 1 / sqrt(n)


def test_reparameterized_if_every_part_is():
    gaussian, bernoulli = _parts()
    assert Joint((gaussian, gaussian)).reparameterized
    assert Joint({"a": Joint((gaussian,))}).reparameterized
    assert not Joint((gaussian, bernoulli)).reparameterized
    assert not Joint((gaussian, Joint((bernoulli,)))).reparameterized


def test_support_is_that_of_every_part():
    q = Joint(_parts())
    assert q.in_support((jnp.array(Z), jnp.array(X)))
    assert not q.in_support((jnp.array([0, jnp.nan]), jnp.array(X)))
    assert not q.in_support((jnp.array(Z), jnp.array([0, 0.5, 1])))


def test_wrong_shape_of_a_part():
    with pytest.raises(ValueError, match=r"Bernoulli has events of shape \(3,\).*jax\.vmap"):
        Joint(_parts()).log_prob((jnp.zeros(2), jnp.zeros(2)))


@pytest.mark.parametrize(
    "value", [jnp.zeros((2, 3)), [jnp.zeros(2), jnp.zeros(3)], (jnp.zeros(2),)]
)
def test_wrong_structure(value):
    with pytest.raises(ValueError, match=r"Joint of \('Gaussian', 'Bernoulli'\) was given a value"):
        Joint(_parts()).log_prob(value)


def test_no_mean_without_the_parts():
    with pytest.raises(TypeError, match="Categorical has no mean"):
        Joint((standard_gaussian(2), Categorical(jnp.zeros(3)))).mean()


@pytest.mark.parametrize("parts", [{}, (), {"z": ()}])
def test_no_parts(parts):
    with pytest.raises(ValueError, match="Joint needs at least one part, such as"):
        Joint(parts)
