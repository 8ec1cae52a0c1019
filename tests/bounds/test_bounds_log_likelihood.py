"""log_likelihood as a computation: one encoding, a chunk at a time, in float32."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import Gaussian, Mixture, iwae, log_likelihood, standard_gaussian
from vae_jax.bounds.likelihood import streamed_log_likelihood

_X = jnp.asarray(lg.X[0], jnp.float32)


def _streamed(log_w, chunk_size):
    """Of given log-weights; whoever asks for more than there are gets NaN."""
    log_w = jnp.asarray(log_w, jnp.float32)

    def at(index):
        return log_w.at[index].get(mode="fill", fill_value=jnp.nan)

    return jax.jit(lambda: streamed_log_likelihood(at, len(log_w), chunk_size))()


@pytest.mark.parametrize("level", [0.0, -90.0, -15000.0])
@pytest.mark.parametrize("chunk_size", [1, 100, 4999])
def test_streaming_loses_nothing(level, chunk_size):
    """5000 weights whose log is of the size of an image's: each is 1/5000 of the sum, far below
    the rounding of the sum's logarithm at -15000."""
    log_w = (level + np.random.default_rng(0).normal(size=5000)).astype(np.float32)
    w = np.exp(log_w.astype(np.float64) - level)
    value, ess, standard_error = _streamed(log_w, chunk_size)
    exact = level + np.log(w.mean())
    np.testing.assert_allclose(value, exact, rtol=2e-7, atol=3e-6)  # one rounding of the value
    np.testing.assert_allclose(ess, w.sum() ** 2 / (w**2).sum(), rtol=1e-4)  # 5000 roundings
    expected = np.sqrt(np.mean((w / w.mean() - 1) ** 2) / 5000)
    np.testing.assert_allclose(standard_error, expected, rtol=1e-4)


@pytest.mark.parametrize("level", [0.0, -15000.0, 1e5])
def test_constant_weights(level):
    value, ess, standard_error = _streamed(np.full(7, level), 3)
    np.testing.assert_allclose(value, level, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ess, 7, rtol=1e-6)
    np.testing.assert_allclose(standard_error, 0, atol=2e-4)  # the root of a rounding of 1/7


def test_one_weight_dominates():
    value, ess, standard_error = _streamed([-1e4, 3.0, -200.0, -np.inf, -1e4], 2)
    np.testing.assert_allclose(value, 3 - np.log(5), rtol=1e-6)
    np.testing.assert_allclose(ess, 1, rtol=1e-6)
    np.testing.assert_allclose(standard_error, np.sqrt(1 - 1 / 5), rtol=1e-6)


def test_no_weight_at_all():
    value, ess, standard_error = _streamed(np.full(5, -np.inf), 2)
    assert (value, ess, standard_error) == (-np.inf, 0, np.inf)


def _inner(jaxpr):
    """The jaxprs inside the equations of a jaxpr."""
    for equation in jaxpr.eqns:
        for parameter in jax.tree.leaves(equation.params, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(parameter, "jaxpr", parameter)
            if hasattr(inner, "eqns"):
                yield equation.primitive.name, inner


def _products(jaxpr, in_loop=False):
    """(shapes of the arguments, whether it is in a loop) of every matrix product."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield tuple(v.aval.shape for v in equation.invars), in_loop
    for name, inner in _inner(jaxpr):
        yield from _products(inner, in_loop or name in ("while", "scan"))


def test_encodes_once_and_outside_the_loop(key):
    calls, hidden = [], 37
    weights = jnp.ones((hidden, 4)), jnp.full((2, hidden), 0.01)
    _, decode, prior = lg.model(lg.params())

    def encode(x):
        calls.append(x)
        return Gaussian(weights[1] @ jnp.tanh(weights[0] @ x), jnp.zeros(2))

    def estimate(key):
        return log_likelihood(key, _X, encode, decode, prior, num_samples=1000, chunk_size=10)

    products = list(_products(jax.make_jaxpr(estimate)(key).jaxpr))
    assert len(calls) == 1
    encoding = [in_loop for shapes, in_loop in products if hidden in np.ravel(shapes[0])]
    decoding = [in_loop for shapes, in_loop in products if hidden not in np.ravel(shapes[0])]
    assert encoding == [False, False]
    assert decoding == [True]


def _temporary_bytes(f, key):
    return jax.jit(f).lower(key).compile().memory_analysis().temp_size_in_bytes


def test_memory_does_not_grow_with_the_samples(key):
    """The chunk is of 100 draws whether 200 or 100,000 are asked for."""
    weights, prior = jnp.ones((1000, 2)), standard_gaussian(2)
    args = (
        jnp.zeros(1000),
        lambda x: prior,
        lambda z: Gaussian(weights @ z, jnp.zeros(())),
        prior,
    )
    few, many = (
        _temporary_bytes(lambda k, n=n: log_likelihood(k, *args, num_samples=n), key)
        for n in (200, 100_000)
    )
    at_once = _temporary_bytes(lambda k: iwae(k, *args, num_samples=100_000), key)
    assert many <= 1.01 * few
    assert at_once > 100 * many  # what the comparison is able to see


def test_posterior_need_not_be_reparameterized(key):
    """A mixture of two components that are the exact posterior: the evidence again."""
    encode, decode, prior = lg.model(lg.params())

    def twice(x):
        q = encode(x)
        return Mixture(jnp.array([0.3, -1.0]), jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), q))

    value = log_likelihood(key, _X, twice, decode, prior, num_samples=4).value
    np.testing.assert_allclose(value, lg.log_evidence(lg.X[0]), rtol=0, atol=2e-5)


def test_one_draw_says_nothing_of_its_error():
    value, ess, standard_error = _streamed([-3.0], 1)
    np.testing.assert_allclose([value, ess], [-3.0, 1.0], rtol=1e-6)
    assert np.isnan(standard_error)
