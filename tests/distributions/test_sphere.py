"""Distributions on the sphere of R^D, in float32, against quadrature in float64 over the angle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from every import normal
from linear_gaussian import z_score

from vae_jax import kl
from vae_jax.distributions import PowerSpherical, UniformSphere, VonMisesFisher

CONCENTRATIONS = np.array([1e-3, 1.0, 30.0, 1e3, 1e5])
DRAWS = 400


class Oracle:
    """A density of the angle t to mu, p(t) ~ exp(k f(t)) sin(t)^(D-2), by the trapezoidal rule."""

    def __init__(self, family, size, k):
        end = min(np.pi, 30 * np.sqrt((size + 20) / (k + 1e-9)))
        self.angle = np.linspace(0, end, 400_001)[1:-1]
        fall = 2 * np.sin(self.angle / 2) ** 2  # 1 - cos t
        self.f = -fall if family is VonMisesFisher else np.log1p(-fall / 2)
        log_p = k * self.f + (size - 2) * np.log(np.sin(self.angle))
        ring = np.log(2) + (size - 1) / 2 * np.log(np.pi) - scipy.special.gammaln((size - 1) / 2)
        step = self.angle[1] - self.angle[0]
        self.log_integral = np.logaddexp.reduce(log_p) + np.log(step) + ring
        self.p = np.exp(log_p - np.logaddexp.reduce(log_p)) / step
        self.mean = np.sum(self.p * self.f) * step
        self.entropy = self.log_integral - k * self.mean
        self.variance = np.sum(self.p * (self.f - self.mean) ** 2) * step
        self.cdf = np.cumsum(self.p) * step - self.p * step / 2
        self.pull = np.cumsum(self.p * (self.f - self.mean)) * step  # dF / dk
        self.k = k

    def slope(self, angle):
        """d angle / d log k, at its distribution's own places."""
        some = self.p > 1e-250
        return -self.k * np.interp(angle, self.angle[some], self.pull[some] / self.p[some])


@pytest.fixture(scope="module", params=[VonMisesFisher, PowerSpherical])
def family(request):
    return request.param


@pytest.fixture(scope="module", params=[2, 3, 128])
def size(request):
    return request.param


@pytest.fixture(scope="module")
def found(family, size):
    """All that is asked, of all concentrations in one program; mu is the first axis."""
    mu = jnp.zeros(size).at[0].set(2.0)

    def numbers(log_k):
        q = family(mu, log_k)
        return {
            "log_integral": -q.log_prob(jnp.zeros(size).at[0].set(1.0)),
            "entropy": q.entropy(),
            "kl": kl(q, UniformSphere(size)),
        }

    def draw(log_k, key):
        z, log_q = family(mu, log_k).sample_and_log_prob(key)
        return z, log_q, family(mu, log_k).log_prob(z)

    def all_of(log_k, keys):
        slopes = jax.jacfwd(numbers)(log_k)
        one = lambda key: jax.jvp(lambda k: draw(k, key), (log_k,), (1.0,))  # noqa: E731
        return numbers(log_k), slopes, jax.vmap(one)(keys)

    keys = jax.random.split(jax.random.key(0), (len(CONCENTRATIONS), DRAWS))
    log_k = jnp.log(jnp.asarray(CONCENTRATIONS, jnp.float32))
    return jax.tree.map(np.float64, jax.jit(jax.vmap(all_of))(log_k, keys))


@pytest.fixture(scope="module")
def oracles(family, size):
    return [Oracle(family, size, k) for k in np.float64(np.float32(CONCENTRATIONS))]


def test_normaliser_entropy_and_rate_with_their_gradients(found, oracles, size):
    numbers, slopes, _ = found
    area = UniformSphere(size).log_area()
    expected = {
        "log_integral": [o.log_integral for o in oracles],
        "entropy": [o.entropy for o in oracles],
        "kl": [area - o.entropy for o in oracles],
    }
    by_log_k = {  # d log integral / dk = E[f], d E[f] / dk = Var[f]
        "log_integral": [o.k * o.mean for o in oracles],
        "entropy": [-(o.k**2) * o.variance for o in oracles],
        "kl": [o.k**2 * o.variance for o in oracles],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(numbers[name], values, rtol=0, atol=1e-3, err_msg=name)
        np.testing.assert_allclose(slopes[name], by_log_k[name], rtol=0, atol=1e-3, err_msg=name)


def test_a_rate_that_is_known(found, family, size):
    if (family, size) != (VonMisesFisher, 128):
        pytest.skip("known of one")
    np.testing.assert_allclose(found[0]["kl"][-1], 423.8518, atol=1e-3)


def test_draws_follow_the_density_and_have_its_derivative(found, oracles, family):
    """-dF/dk / p(angle); of the ratio of two gamma variables in the mean, given the angle."""
    (z, _, _), (dz, _, _) = found[2]
    for own, moved, oracle in zip(z, dz, oracles, strict=True):
        np.testing.assert_allclose(np.linalg.norm(own, axis=1), 1, atol=1e-5)
        sine = np.linalg.norm(own[:, 1:], axis=1)
        angle = np.arctan2(sine, own[:, 0])
        cdf = np.interp(angle, oracle.angle, oracle.cdf)
        assert scipy.stats.kstest(cdf, "uniform").pvalue > 1e-3
        # d sin(angle) = cos(angle) d angle, along the direction beside mu, and d cos = -sin d
        turned = np.sum(own[:, 1:] * moved[:, 1:], axis=1) / sine * own[:, 0] - moved[:, 0] * sine
        inner = (cdf > 1e-4) & (cdf < 1 - 1e-4)  # where the grid's quotient is one
        expected = oracle.slope(angle)
        scale = np.abs(expected[inner]).max()
        if family is VonMisesFisher:
            np.testing.assert_allclose(turned[inner], expected[inner], rtol=2e-3, atol=2e-3 * scale)
        else:
            assert abs(z_score((turned - expected)[inner])) < 4.5


def test_the_density_of_a_draw_is_that_of_its_value(found):
    (_, log_q, log_p), (_, d_log_q, d_log_p) = found[2]
    np.testing.assert_allclose(log_q, log_p, rtol=1e-5, atol=5e-3)
    np.testing.assert_allclose(d_log_q, d_log_p, rtol=1e-3, atol=0.05)


def test_any_direction_is_turned_to(family, key):
    """E[z] of one that is no axis; and what is drawn beside it is uniform around it."""
    q, n = family(normal(4), jnp.array(1.0)), 4000
    z = np.float64(jax.jit(jax.vmap(q.sample))(jax.random.split(key, n)))
    assert np.all(np.abs(z.mean(0) - q.mean()) < 4.5 * z.std(0) / np.sqrt(n))
    mu = np.float64(q.direction / np.linalg.norm(q.direction))
    apart = z - (z @ mu)[:, None] * mu
    share = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    np.testing.assert_allclose(share.T @ share / n, (np.eye(4) - np.outer(mu, mu)) / 3, atol=0.04)


def test_the_sphere_has_its_area_and_no_other_events(key):
    for size, area in ((2, 2 * np.pi), (3, 4 * np.pi), (4, 2 * np.pi**2)):
        np.testing.assert_allclose(np.exp(UniformSphere(size).log_area()), area)
    p, q = UniformSphere(3), VonMisesFisher(jnp.ones(3), jnp.array(0.0))
    for value in (jnp.zeros(3), 2 * jnp.ones(3)):
        assert p.log_prob(value) == q.log_prob(value) == -jnp.inf
    with pytest.raises(ValueError, match=r"sphere of R\^D, D at least 2; got D = 1"):
        VonMisesFisher(jnp.ones(1), jnp.array(0.0)).sample(key)
    with pytest.raises(ValueError, match="both must"):
        kl(q, UniformSphere(4))
    zero = VonMisesFisher(jnp.zeros(3), jnp.array(0.0))  # of dead features
    assert np.all(np.isfinite(jax.jacrev(lambda q: q.sample(key))(zero).direction))


def test_concentrated_draws_move_as_their_concentration(key):
    """|z - mu| falls with the root of k, also beyond where the derivative of a gamma fails."""
    mu = jnp.zeros(4).at[0].set(1.0)

    def log_distance(log_k, key):
        z = PowerSpherical(mu, log_k).sample(key)
        return jnp.log(jnp.sum((z - mu) ** 2)), z

    one = jax.vmap(jax.grad(log_distance, has_aux=True), (None, 0))
    log_k = jnp.log(jnp.array([1e4, 1e6, 1e8]))
    run = jax.jit(jax.vmap(one, (0, None)))
    slope, z = run(log_k, jax.random.split(key, DRAWS))
    np.testing.assert_allclose(slope, -1, atol=0.1)
    np.testing.assert_allclose(slope.mean(1), -1, atol=0.01)
    for own, k in zip(z, np.exp(np.float64(log_k)), strict=True):  # k |z - mu|^2 / 4 ~ Gamma(3/2)
        squared = k * np.sum((np.float64(own) - np.float64(mu)) ** 2, axis=1) / 4
        assert scipy.stats.kstest(squared, scipy.stats.gamma(1.5).cdf).pvalue > 1e-3
