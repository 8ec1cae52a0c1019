"""Each sampler against its own density."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest
import scipy.stats
from every import CHAIN, draw, gaussians, normal

from vae_jax.distributions import (
    Bernoulli,
    Beta,
    Categorical,
    CodeTable,
    ColourLogistics,
    ContinuousBernoulli,
    DiscretisedLogistic,
    Foreign,
    Gaussian,
    Joint,
    Laplace,
    Lattice,
    LogisticMixture,
    Mixture,
    OneHot,
    ResidualCodes,
    StraightThroughOneHot,
    UniformCodes,
)


def _all_events(values, dims):
    return jnp.array(list(itertools.product(values, repeat=dims)))  # [len(values)^dims, dims]


def _of_codes(codes, positions):
    """All events of so many positions."""
    parts, values = codes.size
    index = _all_events(range(values), positions * parts).reshape(-1, positions, parts)
    return jax.vmap(codes.vectors)(index)


def _of_one_stage(positions):
    """Of the first of two stages, the other zeros."""
    index = _all_events(range(3), positions).reshape(-1, positions)
    return jnp.stack([_one_stage.codes[0][index], jnp.zeros((*index.shape, 2))], axis=2)


_codes = CodeTable(normal(1, 3, 2))
_stages = ResidualCodes(normal(2, 3, 2))
_one_stage = _stages.replace(codes=_stages.codes.at[:, 1].set(0.0), used=jnp.array(1))
_lattice = Lattice(-jnp.ones(2), jnp.array([1.0, 0.7]), (2, 3))
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
    ("autoregressive", CHAIN, _all_events((0.0, 1.0), 4).reshape(-1, 2, 2)),
    ("logistic", DiscretisedLogistic(normal(2) / 2, jnp.array(-0.5), 4), _all_events(range(4), 2)),
    (
        "logistic-mixture",
        LogisticMixture(normal(2, 2), normal(2, 2), jnp.full((2, 2), -0.7), 3),
        _all_events(range(3), 2),
    ),
    (
        "colours",
        ColourLogistics(normal(2), normal(3, 2), jnp.full((3, 2), -0.2), normal(3, 2, seed=1), 3),
        _all_events(range(3), 3),
    ),
    ("uniform-codes", UniformCodes(_codes, (2, 2)), _of_codes(_codes, 2)),
    ("uniform-stages", UniformCodes(_stages, (1, 2, 2)), _of_codes(_stages, 1)),
    ("uniform-one-stage", UniformCodes(_one_stage, (2, 2, 2)), _of_one_stage(2)),
    ("uniform-lattice", UniformCodes(_lattice, (2, 2)), _of_codes(_lattice, 2)),
    ("one-hot", OneHot(normal(2, 3)), jnp.eye(3)[_all_events(range(3), 2)]),
    (
        "straight-through",
        StraightThroughOneHot(normal(2, 3), jnp.array(-0.5)),
        jnp.eye(3)[_all_events(range(3), 2)],
    ),
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
    ("laplace", Laplace(jnp.array(2.0), jnp.array(-1.0)), (-4.0, 8.0)),
    ("continuous-bernoulli", ContinuousBernoulli(jnp.array(3.0)), (0.0, 1.0)),
    ("continuous-bernoulli-dark", ContinuousBernoulli(jnp.array(-0.3)), (0.0, 1.0)),
    ("beta", Beta(jnp.array(0.7), jnp.array(1.2)), (0.0, 1.0)),
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
