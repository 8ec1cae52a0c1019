"""Masses of logistic densities, in float32 against extended precision."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax.distributions import (
    ColourLogistics,
    DiscretisedLogistic,
    LogisticMixture,
    Masked,
    Mixture,
)

LEVELS = 256


def exact(loc, log_scale, x, levels=LEVELS):
    """log p(x) in 64 bits of a mantissa, or, where numpy has none longer, in 53."""
    loc, log_scale, x = (np.asarray(a, np.longdouble) for a in (loc, log_scale, x))
    half, s = 1 / np.longdouble(levels - 1), np.exp(log_scale)
    middle = 2 * x / np.longdouble(levels - 1) - 1

    def log_sigmoid(z):
        return -np.logaddexp(np.longdouble(0), -z)

    upper = np.where(x == levels - 1, 0, log_sigmoid((middle + half - loc) / s))
    lower = np.where(x == 0, 0, log_sigmoid(-(middle - half - loc) / s))
    is_end = (x == 0) | (x == levels - 1)
    return upper + lower + np.where(is_end, 0, np.log(-np.expm1(-2 * half / s)))


def cases():
    """Log-scales from -9 to 6, and values that are likely and that are not."""
    rng = np.random.default_rng(0)
    log_scale = np.repeat(np.arange(-9, 6.5, 0.5), 200).astype(np.float32)
    loc = rng.uniform(-1.2, 1.2, log_scale.size).astype(np.float32)
    y = loc + np.exp(log_scale) * rng.logistic(size=loc.size)
    x = np.clip(np.round((y + 1) * 127.5), 0, 255)
    far = rng.random(loc.size) < 0.3
    x[far] = rng.integers(0, 256, far.sum())
    x[::17], x[::19] = 0, 255
    return loc, log_scale, x.astype(np.float32)


def _score(loc, log_scale, x):
    return DiscretisedLogistic(loc, log_scale, LEVELS).log_prob(x)


def test_every_value_is_right():
    """PixelCNN++'s formula, whose density in the middle stands for small masses, is 2.1 nats off at
    log-scale -7."""
    loc, log_scale, x = cases()
    value, (by_loc, by_scale) = jax.jit(jax.vmap(jax.value_and_grad(_score, (0, 1))))(
        loc, log_scale, x
    )
    expected = exact(loc, log_scale, x)
    known = expected < -1e-37  # else the mass is 1, to all that float32 can say
    np.testing.assert_allclose(value[known], np.float64(expected[known]), rtol=1e-4)
    np.testing.assert_allclose(value[~known], 0, atol=1e-37)
    loc, log_scale = np.longdouble(loc), np.longdouble(log_scale)
    step = np.longdouble(1e-6)
    slope = (exact(loc, log_scale + step, x) - exact(loc, log_scale - step, x)) / (2 * step)
    np.testing.assert_allclose(by_scale, np.float64(slope), rtol=1e-4, atol=1e-4)
    slope = (exact(loc + step, log_scale, x) - exact(loc - step, log_scale, x)) / (2 * step)
    np.testing.assert_allclose(by_loc, np.float64(slope), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("levels", [2, 4, 256, 65536])
def test_masses_sum_to_one(levels):
    x = jnp.arange(levels)
    for loc, log_scale in ((0.3, -9.0), (-0.99, -3.0), (0.1, 0.0), (3.0, 2.0)):
        score = jax.vmap(DiscretisedLogistic(jnp.array(loc), jnp.array(log_scale), levels).log_prob)
        masses = np.exp(np.float64(jax.jit(score)(x)))
        np.testing.assert_allclose(masses.sum(), 1, rtol=1e-4)


@pytest.mark.parametrize("log_scale", [-1e30, -1e4, -100.0, 100.0, 1e4, 1e30])
def test_extremes(log_scale):
    """Finite derivatives, in either mode; a scale of 0 has all mass on one level, one without end
    half on each of the ends."""
    loc = jnp.array(0.1)
    for x in (0.0, 140.0, 141.0, 255.0):
        f = lambda loc, s, x=x: _score(loc, s, jnp.array(x))  # noqa: E731
        value, slopes = jax.value_and_grad(f, (0, 1))(loc, jnp.array(log_scale))
        forward = jax.jacfwd(f, (0, 1))(loc, jnp.array(log_scale))
        assert value <= 0
        for slope in (*slopes, *forward):
            assert jnp.isfinite(slope)
        if log_scale > 0:
            ends = x in (0.0, 255.0)
            np.testing.assert_allclose(
                value, np.log(0.5) if ends else np.log(2 / 255) - log_scale - np.log(4), rtol=1e-5
            )
        else:
            assert (value > -1e-6) == (x == 140.0)  # (140 / 255) 2 - 1 is 0.098


def test_a_mixture_of_each_dimension():
    rng = np.random.default_rng(0)
    logits, loc, log_scale = rng.normal(size=(3, 2, 4)).astype(np.float32)
    q = LogisticMixture(*map(jnp.array, (logits, loc, log_scale)), 16)
    x = jnp.array([3, 15])
    for d in range(2):  # alone, it is a mixture
        each = jax.vmap(lambda loc, s: DiscretisedLogistic(loc, s, 16))(loc[d], log_scale[d])
        one = Mixture(jnp.array(logits[d]), each)
        np.testing.assert_allclose(q.log_prob_factors(x)[d], one.log_prob(x[d]), rtol=1e-5)
        np.testing.assert_allclose(q.mean()[d], one.mean(), rtol=1e-5)


def test_the_mean_is_the_sum_over_the_levels():
    loc, log_scale = jnp.array([-0.9, 0.2, 5.0]), jnp.array([-2.0, -6.0, 1.0])
    q = DiscretisedLogistic(loc, log_scale, 64)
    masses = np.exp(jax.vmap(lambda k: q.log_prob_factors(jnp.full(3, k)))(jnp.arange(64)))
    np.testing.assert_allclose(q.mean(), np.arange(64) @ masses, rtol=1e-4)


def _colours(levels=4):
    rng = np.random.default_rng(1)
    shape = (2, 1, 3, 2)
    logits = rng.normal(size=(2, 1, 2))
    leaves = (
        logits,
        rng.normal(size=shape) / 2,
        rng.normal(size=shape) - 1,
        rng.normal(size=shape),
    )
    return ColourLogistics(*(jnp.array(leaf, jnp.float32) for leaf in leaves), levels)


def test_all_triples_of_colours_sum_to_one():
    q = _colours()
    triples = jnp.array(list(itertools.product(range(4), repeat=3)))
    pairs = jnp.broadcast_to(triples[:, None, None], (64, 2, 1, 3))
    factors = jax.jit(jax.vmap(q.log_prob_factors))(pairs)  # [64, 2, 1]
    assert factors.shape == (64, 2, 1)
    np.testing.assert_allclose(np.exp(np.float64(factors)).sum(axis=0), 1, rtol=1e-5)


def test_colours_are_conditioned_on_those_that_are_there():
    q = _colours(256)
    x = jnp.array([[[10, 200, 30]], [[0, 255, 128]]])
    y = 2 * np.float64(x) / 255 - 1
    expected = np.zeros((2, 1))
    weights = np.exp(np.float64(jax.nn.log_softmax(q.logits)))
    a, b, d = np.moveaxis(np.float64(q.coefficients), -2, 0)
    for c in range(2):
        loc = np.float64(q.loc[..., c])
        loc[..., 1] += a[..., c] * y[..., 0]
        loc[..., 2] += b[..., c] * y[..., 0] + d[..., c] * y[..., 1]
        log_p = exact(loc, q.log_scale[..., c], x).sum(axis=-1)
        expected += weights[..., c] * np.exp(np.float64(log_p))
    np.testing.assert_allclose(q.log_prob_factors(x), np.log(expected), rtol=1e-4)
    one = Masked(q, jnp.array([[True], [False]])).log_prob(x)
    np.testing.assert_allclose(one, np.log(expected)[0, 0], rtol=1e-4)


@pytest.mark.parametrize("bad", [-1.0, 256.0, 0.5, np.nan])
def test_what_is_no_level(bad):
    x = jnp.array([0.0, bad, 255.0])
    logistic = DiscretisedLogistic(jnp.zeros(3), jnp.zeros(()), 256)
    one = jnp.zeros((1, 3, 2))
    for q, value in ((logistic, x), (ColourLogistics(one[:, 0], one, one, one, 256), x[None])):
        assert q.log_prob(value) == -np.inf
        assert not q.in_support(value)
        assert q.in_support(jnp.zeros_like(value))


def test_what_is_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="levels must be at least 2; got 1"):
        DiscretisedLogistic(jnp.zeros(2), jnp.zeros(2), 1).log_prob(jnp.zeros(2))
    with pytest.raises(ValueError, match=r"loc has shape \(2, 3\) and log_scale \(\); both must"):
        LogisticMixture(jnp.zeros((2, 3)), jnp.zeros((2, 3)), jnp.zeros(()), 4).log_prob(
            jnp.zeros(2)
        )
    with pytest.raises(ValueError, match=r"these must be \(2, 3, 4\), and the levels at least 2"):
        ColourLogistics(
            jnp.zeros((2, 4)), jnp.zeros((2, 4)), jnp.zeros((2, 4)), jnp.zeros((2, 4)), 4
        ).log_prob(jnp.zeros((2, 3)))
