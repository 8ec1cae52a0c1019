"""Distributions on the Poincare ball, against the measure lambda(z)^D dz."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from every import normal
from linear_gaussian import z_score

from vae_jax import sampled_elbo, standard_gaussian
from vae_jax.distributions import RiemannianNormal, WrappedNormal
from vae_jax.distributions import ball as poincare

DRAWS = 2000


def both(loc, scale, c=1.0):
    """One of each family, as wide in every direction."""
    log_scale = jnp.log(jnp.asarray(scale, float))
    return (
        WrappedNormal(loc, jnp.full(loc.shape, log_scale), c),
        RiemannianNormal(loc, log_scale, c),
    )


def measure(z, c):
    """lambda(z)^D."""
    return (2 / (1 - c * (z**2).sum(-1))) ** z.shape[-1]


@pytest.mark.parametrize("c", [1.0, 0.5])
def test_the_densities_integrate_to_one_against_their_measure(c, x64):
    """D = 2, around a place that is not the middle: the quadrature carries the measure."""
    distance = np.linspace(0, 14, 801)[1:]
    radius = np.tanh(np.sqrt(c) * distance / 2) / np.sqrt(c)
    slope = (1 - np.tanh(np.sqrt(c) * distance / 2) ** 2) / 2  # d radius / d distance
    angle = np.linspace(0, 2 * np.pi, 201)[1:]
    r, phi = (part.ravel() for part in np.meshgrid(radius, angle, indexing="ij"))
    z = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1)
    cell = np.repeat(radius * slope, len(angle)) * distance[0] * (angle[1] - angle[0])
    for q in both(jnp.array([0.6, -0.4]), 0.7, c):
        density = np.exp(jax.jit(jax.vmap(q.log_prob))(z))
        mass = (density * measure(z, c) * cell).sum()
        np.testing.assert_allclose(mass, 1, rtol=2e-3)  # the trapezoids', and beyond the grid


def radial(size, s):
    """Of a Riemannian normal around the middle: places, density, its log-normaliser, by grid."""
    mode = s**2 * (size - 1)
    t = np.linspace(0, mode + 30 * s * (1 + np.sqrt(size)), 400_001)[1:]
    log_p = -0.5 * (t / s) ** 2 + (size - 1) * (t + np.log1p(-np.exp(-2 * t)) - np.log(2))
    step = t[0]
    total = np.logaddexp.reduce(log_p) + np.log(step)
    ring = np.log(2) + size / 2 * np.log(np.pi) - scipy.special.gammaln(size / 2)
    return t, np.exp(log_p - total), total + ring


@pytest.mark.parametrize("size", [2, 10, 20])
def test_the_normaliser_is_known_in_many_dimensions(size):
    """In float32; sums of error functions are NaN there."""
    widest = 24.2 / (5.5 + np.sqrt(5.5**2 + 48.4 * (size - 1)))  # of draws within the rim
    scales = widest * np.array([0.03, 0.3, 0.6, 0.89])
    f = lambda log_s: RiemannianNormal(jnp.zeros(size), log_s).log_prob(jnp.zeros(size))  # noqa: E731
    run = jax.jit(jax.vmap(jax.value_and_grad(f)))
    value, slope = run(jnp.log(jnp.asarray(scales, jnp.float32)))
    for found, moved, s in zip(value, slope, scales, strict=True):
        t, p, log_z = radial(size, s)
        np.testing.assert_allclose(found, -log_z, rtol=1e-5, atol=1e-3)
        mean = np.sum(p * t**2) * t[0]
        np.testing.assert_allclose(moved, -mean / s**2, rtol=1e-3)


def test_distances_are_drawn_and_their_derivative_is_implicit(key):
    """Around the middle, where the distance is 2 artanh |z|."""
    size, scale = 3, np.array([0.05, 0.5, 1.0])

    def distance(log_s, key):
        z = RiemannianNormal(jnp.zeros(size), log_s).sample(key)
        return 2 * jnp.arctanh(jnp.sqrt(jnp.sum(z**2)))

    one = jax.vmap(jax.value_and_grad(distance), (None, 0))
    keys = jax.random.split(key, (len(scale), DRAWS))
    found, moved = jax.jit(jax.vmap(one))(jnp.log(jnp.asarray(scale, jnp.float32)), keys)
    for t, dt, s in zip(np.float64(found), moved, scale, strict=True):
        grid, p, _ = radial(size, s)
        cdf = np.cumsum(p) * grid[0] - p * grid[0] / 2
        assert scipy.stats.kstest(np.interp(t, grid, cdf), "uniform").pvalue > 1e-3
        pull = np.cumsum(p * (grid**2 - np.sum(p * grid**2) * grid[0])) * grid[0] / s**2
        some = p > 1e-250
        expected = -np.interp(t, grid[some], pull[some] / p[some])
        inner = (np.interp(t, grid, cdf) > 1e-3) & (np.interp(t, grid, cdf) < 1 - 1e-3)
        np.testing.assert_allclose(dt[inner], expected[inner], rtol=5e-3)


def test_each_weighs_the_others_draws_to_one(key):
    """E_q[p(z) / q(z)] = 1 of two densities, of D = 4, off the middle; and draws score themselves.

    So the measure of both is the same, in every dimension.
    """
    loc, ends = normal(4) / 3, jax.random.split(key, DRAWS)
    families = both(loc, 0.5)
    for q, p in (families, families[::-1]):
        p = p.replace(log_scale=p.log_scale - 0.1)

        def ratio(key, q=q, p=p):
            z, log_q = q.sample_and_log_prob(key)
            return p.log_prob(z) - log_q, log_q - q.log_prob(z)

        log_ratio, off = (np.float64(part) for part in jax.jit(jax.vmap(ratio))(ends))
        assert abs(z_score(np.exp(log_ratio), 1.0)) < 4.5
        np.testing.assert_allclose(off, 0, atol=1e-3)


def test_points_near_the_rim_are_finite(key):
    """Means and scales that reach beyond it: draws, densities and derivatives."""
    for q in both(jnp.array([300.0, -400.0, 5.0]), 8.0):

        def score(q, key):
            z, log_q = q.sample_and_log_prob(key)
            rim = z / jnp.sqrt(jnp.sum(z**2)) * (1 - 1e-6)
            return log_q - q.log_prob(z) + q.log_prob(rim), z

        run = jax.jit(jax.vmap(jax.value_and_grad(score, has_aux=True), (None, 0)))
        (value, z), gradient = run(q, jax.random.split(key, 50))
        assert np.all(np.isfinite(value))
        assert np.all(np.sum(np.float64(z) ** 2, axis=1) < 1)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
        assert q.log_prob(jnp.array([0.8, 0.8, 0.0])) == -jnp.inf


def test_wide_posteriors_have_a_rate(key):
    """D = 10: E[log q / p] >= 0 and E_q[p / q] <= 1 up to what is rounded at the rim, at any scale
    that a network may give; what is drawn is what is scored; and a scale that is cut off is moved.
    """
    size, scales = 10, np.log(np.float32([1.0, 1.2, 2.0, 20.0]))
    middle = jnp.zeros(size)
    p, locs = WrappedNormal(middle, middle), jnp.stack([middle, 2 * normal(size)])
    for family in range(2):

        def score(log_s, loc, key, family=family):
            q = both(loc, jnp.exp(log_s))[family]
            z, log_q = q.sample_and_log_prob(key)
            return log_q - p.log_prob(z), log_q - q.log_prob(z)

        one = jax.vmap(jax.value_and_grad(score, has_aux=True), (None, None, 0))
        run = jax.jit(jax.vmap(jax.vmap(one, (0, None, None)), (None, 0, None)))
        (rate, off), slope = run(scales, locs, jax.random.split(key, DRAWS))
        rate, off, slope = (np.float64(part) for part in (rate, off, slope))
        w, error = np.exp(-rate), 4.5 / np.sqrt(DRAWS)
        assert np.all(np.isfinite(rate) & np.isfinite(slope))
        assert np.all(rate.mean(-1) >= -error * rate.std(-1) - 1e-3)
        assert np.all(w.mean(-1) <= 1 + error * w.std(-1) + 1e-3)
        np.testing.assert_allclose(off, 0, atol=0.1)
        assert np.all(slope.mean(-1)[:, 2:] > 0)


def test_a_draw_at_the_rim_weighs_nothing():
    """Its place is not what its density was that of; a middle may be as far as 8."""
    log_q = jax.vmap(lambda t: poincare.log_q(0.0, poincare.place(t, 1.0), t, 1.0))
    tangents = jnp.array([[12.0, 0.0], [12.15, 0.0], [0.0, 30.0]])
    np.testing.assert_array_equal(log_q(tangents), [0, np.inf, np.inf])
    for c in (1.0, 0.5):
        loc = jnp.array([[1.0, -2.0], [7.0, 0.0], [400.0, 300.0], [0.0, 0.0]]) / np.sqrt(c)
        place, room = jax.vmap(lambda x, c=c: poincare.middle(x, c))(loc)
        far = 2 * np.arctanh(np.sqrt(c) * np.linalg.norm(np.float64(place), axis=1))
        np.testing.assert_allclose(far[[0, 1, 3]], [np.sqrt(5), 7, 0], rtol=1e-3)
        assert 8 < far[2] < 8.1
        np.testing.assert_allclose(far + room, np.log(2 / 1.1e-5), rtol=1e-3)


def test_densities_of_other_measures_do_not_compare(key):
    x, ball, q = jnp.zeros(2), jnp.zeros(2), both(jnp.zeros(2), 1.0)[0]
    for prior in (standard_gaussian(2), WrappedNormal(ball, ball, 0.5)):
        with pytest.raises(
            ValueError, match=r"the Poincare ball of curvature -1.*no number of nats"
        ):
            sampled_elbo(key, x, lambda x: q, lambda z: standard_gaussian(2), prior)
    with pytest.raises(ValueError, match=r"c > 0, such as 1.0; got c = -1"):
        WrappedNormal(ball, ball, -1.0).sample(key)
    with pytest.raises(ValueError, match=r"log_scale must be \[\]; got \(2,\)"):
        RiemannianNormal(ball, ball).log_prob(ball)
