"""What every distribution must do, in one battery; and each sampler against its own density."""

import itertools

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import numpyro.distributions as numpyro
import pytest
import scipy.stats
from every import EVERY, NO_LOG_PROB, draw, every, gaussians, normal, rows

from vae_jax.distributions import (
    Bernoulli,
    Categorical,
    Delta,
    Foreign,
    Gaussian,
    Joint,
    Mixture,
)


def _float_leaves(tree):
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def _assert_close(a, b, rtol=6e-6):
    """Trees equal to 100 float32 roundings, relative to the values and to 1."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol), a, b)


def _of_floats(f, *trees):
    """`f` of the parameters that are numbers; the rest, masks, as in the first tree."""

    def one(leaf, *others):
        return f(leaf, *others) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(one, *trees)


def _cast(q, dtype):
    return _of_floats(lambda leaf: jnp.asarray(np.asarray(leaf).astype(dtype)), q)


_draw_and_score = jax.jit(lambda q, key: q.sample_and_log_prob(key))  # one trace for all tests


@every
def test_sample_is_in_the_support(q, key):
    x, _ = _draw_and_score(q, key)
    assert not any(jnp.isnan(leaf).any() for leaf in _float_leaves(x))
    inside = q.in_support(x)
    assert inside.shape == ()
    assert inside.dtype == bool
    assert inside


@every
def test_nan_and_infinities_are_outside_the_support(q, key):
    x, _ = _draw_and_score(q, key)
    if sum(leaf.size for leaf in jax.tree.leaves(x)) == 0:
        pytest.skip("no value to spoil")
    for bad in (np.nan, np.inf, -np.inf):
        spoiled = jax.tree.map(lambda leaf, bad=bad: np.full(leaf.shape, bad, np.float32), x)
        assert not q.in_support(spoiled)


@every
def test_log_prob_is_one_finite_float32(q, key):
    _, log_prob = _draw_and_score(q, key)
    assert log_prob.shape == ()
    assert log_prob.dtype == jnp.float32
    assert jnp.isfinite(log_prob)


@rows(*NO_LOG_PROB)
def test_jit_changes_nothing(q, key):
    """And `sample_and_log_prob` is `sample`, then `log_prob`."""
    x = q.sample(key)
    _assert_close(_draw_and_score(q, key), (x, q.log_prob(x)))


@every
def test_is_a_pytree(q, key):
    leaves, tree = jax.tree.flatten(q)
    rebuilt = jax.tree.unflatten(tree, leaves)
    assert type(rebuilt) is type(q)
    assert jax.tree.structure(rebuilt) == tree
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    _assert_close(_draw_and_score(rebuilt, key), _draw_and_score(q, key), rtol=0)


@every
def test_keys_decide_the_draw(q):
    draws = [_draw_and_score(q, jax.random.key(i))[0] for i in range(10)]
    columns = [np.stack(leaf) for leaf in zip(*map(jax.tree.leaves, draws), strict=True)]
    constant = all(np.all(column == column[:1]) for column in columns)
    assert constant == (isinstance(q, Delta) or columns[0].size == 0)


@every
def test_half_precision_is_promoted(q, key):
    """bfloat16 parameters act as float32 parameters of the same, rounded, values."""
    half = _cast(q, jnp.bfloat16)
    x, log_prob = _draw_and_score(half, key)
    assert log_prob.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in _float_leaves(x))
    _assert_close((x, log_prob), _draw_and_score(_cast(half, jnp.float32), key))


@every
def test_vmap_of_scan_is_a_loop(q, key):
    """A batch of three distributions, each drawn from twice."""

    def scan(q, keys):
        return jax.lax.scan(lambda _, key: (None, q.sample_and_log_prob(key)), None, keys)[1]

    loop = [
        _of_floats(lambda leaf, i=i: np.asarray(leaf) * np.float32(1 + i / 10), q) for i in range(3)
    ]
    batch = jax.tree.map(lambda *leaves: np.stack(leaves), *loop)
    keys = jax.random.split(key, (3, 2))
    together = jax.jit(jax.vmap(scan))(batch, keys)
    for i, t in np.ndindex(3, 2):
        one = jax.tree.map(lambda leaf, i=i, t=t: np.asarray(leaf)[i, t], together)
        _assert_close(one, _draw_and_score(loop[i], keys[i, t]))


def _assert_gradient(f, q):
    """Reverse mode against central differences, in float64."""
    leaves, tree = jax.tree.flatten(q)
    floats = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def of_floats(values):
        given = dict(zip(floats, values, strict=True))
        return f(jax.tree.unflatten(tree, [given.get(i, leaf) for i, leaf in enumerate(leaves)]))

    values = ([leaves[i] for i in floats],)
    jax.test_util.check_grads(
        jax.jit(of_floats), values, order=1, modes=["rev"], rtol=1e-6, atol=1e-6
    )


@rows("delta", "joint-tuple", *NO_LOG_PROB)
def test_gradient_is_a_finite_difference(q, key, x64):
    """But for a Delta, which has no difference to take."""
    q = _cast(q, jnp.float64)
    x = jax.jit(q.sample)(key)
    _assert_gradient(lambda q: q.log_prob(x), q)


@pytest.mark.parametrize("q", [pytest.param(q, id=name) for name, q, flag in EVERY if flag])
def test_reparameterized_sample_is_differentiable(q, key, x64):
    assert q.reparameterized is True
    _assert_gradient(lambda q: q.sample(key), _cast(q, jnp.float64))


@pytest.mark.parametrize("q", [pytest.param(q, id=name) for name, q, flag in EVERY if not flag])
def test_not_reparameterized(q):
    assert q.reparameterized is False


WITHOUT_MEAN = (
    "categorical",
    "mixture-joint",
    "joint-dict",
    "masked-joint",
    "foreign-lognormal",
    "foreign-mvn",
)


@rows(*WITHOUT_MEAN, "planar")
def test_mean_is_the_mean_of_draws(q, key):
    n = 2000
    draws = jax.jit(jax.vmap(q.sample))(jax.random.split(key, n))
    mean = q.mean()
    assert jax.tree.structure(mean) == jax.tree.structure(draws)
    for m, x in zip(jax.tree.leaves(mean), jax.tree.leaves(draws), strict=True):
        assert m.shape == x.shape[1:]
        x = np.float64(x)
        error = np.abs(m - x.mean(0))
        # 4.5 standard errors; the Delta's mean is rounded once
        assert np.all(error <= 4.5 * x.std(0) / np.sqrt(n) + 1e-7)


# ---- samplers against densities ----


def _all_events(values, dims):
    return jnp.array(list(itertools.product(values, repeat=dims)))  # [len(values)^dims, dims]


_labelled = {
    "x": jnp.repeat(_all_events((0.0, 1.0), 2), 3, axis=0),
    "c": jnp.tile(jnp.arange(3), 4),
}

# (name, distribution, all of its events along a leading axis)
DISCRETE = [
    ("bernoulli", Bernoulli(normal(3)), _all_events((0.0, 1.0), 3)),
    ("categorical", Categorical(normal(2, 3)), _all_events(range(3), 2)),
    (
        "mixture",
        Mixture(normal(3), jax.vmap(Bernoulli)(3 * normal(3, 3))),
        _all_events((0.0, 1.0), 3),
    ),
    ("joint", Joint({"x": Bernoulli(normal(2)), "c": Categorical(normal(3))}), _labelled),
    (
        "foreign",
        Foreign(numpyro.BernoulliLogits(normal(3)), draw, False),
        _all_events((0.0, 1.0), 3),
    ),
]
discrete = pytest.mark.parametrize(
    ("q", "events"), [pytest.param(q, events, id=name) for name, q, events in DISCRETE]
)


@discrete
def test_masses_sum_to_one(q, events):
    # each mass has an error of some roundings of its log, below 10
    np.testing.assert_allclose(np.exp(jax.jit(jax.vmap(q.log_prob))(events)).sum(), 1, rtol=1e-5)


def _rows(tree):
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


@discrete
def test_frequencies_are_masses(q, events, key):
    n = 4000
    draws = jax.jit(jax.vmap(q.sample))(jax.random.split(key, n))
    draws, table = (_rows(tree) for tree in (draws, events))  # [n, D], [events, D]
    hits = (draws[:, None] == table).all(-1)
    assert np.all(hits.sum(1) == 1)
    masses = np.exp(np.float64(jax.jit(jax.vmap(q.log_prob))(events)))
    assert n * masses.min() > 5  # else the statistic is not a chi-square
    assert scipy.stats.chisquare(hits.sum(0), n * masses / masses.sum()).pvalue > 1e-3


# (name, distribution of a scalar, an interval that holds all but 1e-6 of its mass)
CONTINUOUS = [
    ("gaussian", Gaussian(jnp.array(2.0), jnp.array(-1.0)), (0.0, 4.0)),
    ("mixture", Mixture(normal(3), gaussians(3)), (-30.0, 30.0)),
    ("foreign", Foreign(numpyro.Gumbel(jnp.array(1.0), jnp.array(0.5)), draw, True), (-3, 10.0)),
]
continuous = pytest.mark.parametrize(
    ("q", "interval"), [pytest.param(q, interval, id=name) for name, q, interval in CONTINUOUS]
)


def _cdf(q, interval):
    grid = np.linspace(*interval, 20_001, dtype=np.float32)
    density = np.exp(np.float64(jax.jit(jax.vmap(q.log_prob))(grid)))
    mass = (density[1:] + density[:-1]) / 2 * np.diff(np.float64(grid))
    return np.float64(grid), np.concatenate([[0.0], np.cumsum(mass)])


@continuous
def test_density_integrates_to_one(q, interval):
    # the mass outside, and float32 densities and grid
    np.testing.assert_allclose(_cdf(q, interval)[1][-1], 1, rtol=2e-5)


@continuous
def test_draws_follow_the_density(q, interval, key):
    draws = np.float64(jax.jit(jax.vmap(q.sample))(jax.random.split(key, 5000)))
    grid, cdf = _cdf(q, interval)
    assert scipy.stats.kstest(draws, lambda x: np.interp(x, grid, cdf)).pvalue > 1e-3
