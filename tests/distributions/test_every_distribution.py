"""What every distribution must do, in one battery. Samplers: test_samplers.py."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
from every import AT_POINTS, EVERY, NO_LOG_PROB, NO_PARAMETERS, every, rows

from vae_jax.distributions import (
    Delta,
    Foreign,
    PowerSpherical,
    Quantised,
    RiemannianNormal,
    StraightThroughOneHot,
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
    assert constant == (isinstance(q, Delta | Quantised) or columns[0].size == 0)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.uint8])
@every
def test_parameters_are_promoted(q, key, dtype):
    """They act as float32 parameters of the same, rounded, values; integers do not wrap."""
    if dtype is np.uint8 and isinstance(q, Foreign):
        pytest.skip("its integers are another library's")
    rounded = _cast(_of_floats(lambda leaf: jnp.abs(3 * leaf), q), dtype)
    x, log_prob = _draw_and_score(rounded, key)
    assert log_prob.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in _float_leaves(x))
    _assert_close((x, log_prob), _draw_and_score(_cast(rounded, jnp.float32), key))


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


@rows(*AT_POINTS, *NO_LOG_PROB, *NO_PARAMETERS)
def test_gradient_is_a_finite_difference(q, key, x64):
    """But for masses at points, which have no difference to take."""
    q = _cast(q, jnp.float64)
    x = jax.jit(q.sample)(key)
    _assert_gradient(lambda q: q.log_prob(x), q)


@rows("foreign-lognormal", "foreign-mvn", *NO_LOG_PROB, *NO_PARAMETERS)
def test_a_weight_of_zero_moves_nothing(q, key):
    """At any finite parameters: no NaN, and 0 of an infinite derivative is 0."""
    x, _ = _draw_and_score(q, key)

    scaled = [_of_floats(lambda leaf, s=s: s * leaf, q) for s in (-1e4, 1e4, -1e30, 1e30)]
    scaled = jax.tree.map(lambda *leaves: jnp.stack(leaves), *scaled)

    def score(q):
        value, pull_back = jax.vjp(lambda q: q.log_prob(x), q)
        return value, pull_back(jnp.zeros_like(value))[0]

    values, gradients = jax.jit(jax.vmap(score))(scaled)
    assert not jnp.isnan(values).any()
    assert all(jnp.all(leaf == 0) for leaf in _float_leaves(gradients))


@pytest.mark.parametrize("q", [pytest.param(q, id=name) for name, q, flag in EVERY if flag])
def test_reparameterized_sample_is_differentiable(q, key, x64):
    assert q.reparameterized is True
    if isinstance(q, Quantised | StraightThroughOneHot):
        pytest.skip("straight through, which is no derivative: test_codebook.py, test_one_hot.py")
    if isinstance(q, PowerSpherical | RiemannianNormal):
        pytest.skip("drawn by rejection: test_sphere.py, test_ball.py")
    _assert_gradient(lambda q: q.sample(key), _cast(q, jnp.float64))


@pytest.mark.parametrize("q", [pytest.param(q, id=name) for name, q, flag in EVERY if not flag])
def test_not_reparameterized(q):
    assert q.reparameterized is False


WITHOUT_MEAN = (
    "autoregressive",
    "autoregressive-gaussian",
    "colours",
    "categorical",
    "coded",
    "mixture-joint",
    "joint-dict",
    "masked-joint",
    "foreign-lognormal",
    "foreign-mvn",
    "planar",
    "flowed",
    "uniform-codes",
    "uniform-in-stages",
    "uniform-lattice",
    "relaxed-one-hot",
    "wrapped-normal",
    "riemannian-normal",
)


@rows(*WITHOUT_MEAN)
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
