"""Each bound against its definition, in numpy, from the very same draws."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import (
    ciwae,
    ciwae_bound,
    elbo_bound,
    iwae,
    iwae_bound,
    log_likelihood,
    miwae,
    miwae_bound,
)
from vae_jax.bounds.draws import draw_keys

_PARAMS = lg.params(shift=0.8, width=1.5)
_ARGS = (jnp.asarray(lg.X[0], jnp.float32), *lg.model(_PARAMS))


def _log_mean_exp(log_w, axis=None):
    return np.log(np.mean(np.exp(log_w), axis=axis))


def _log_weights(key, num_draws):
    """Of the draws that every bound makes from this key, [num_draws]: the first of twelve."""
    return lg.log_weights(_PARAMS, lg.X[0], _twelve_draws(key))[:num_draws]


@jax.jit
def _twelve_draws(key):
    x, encode, *_ = _ARGS
    return jax.vmap(encode(x).sample)(draw_keys(key, 12))


def test_draws_are_nested(key):
    """Draw k has the same key however many are drawn; another key, another draw."""
    few, many = (jax.random.key_data(draw_keys(key, n)) for n in (3, 7))
    np.testing.assert_array_equal(few, many[:3])
    assert len(np.unique(many, axis=0)) == 7


# float32: ten terms of size up to 10 in each log-weight
def test_iwae_is_the_bound_and_not_the_weighted_log_weights(key):
    log_w = _log_weights(key, 6)
    value = jax.jit(lambda key: iwae(key, *_ARGS, num_samples=6))(key)
    np.testing.assert_allclose(value, _log_mean_exp(log_w), rtol=0, atol=1e-5)
    weights = np.exp(log_w) / np.exp(log_w).sum()
    assert abs(value - weights @ log_w) > 0.1


def test_miwae_averages_m_outside_and_k_inside(key):
    M, K = 2, 6
    log_w = _log_weights(key, M * K)
    by_definition = np.mean(_log_mean_exp(log_w.reshape(M, K), axis=1))
    swapped = np.mean(_log_mean_exp(log_w.reshape(K, M), axis=1))
    value = jax.jit(lambda key: miwae(key, *_ARGS, num_groups=M, num_samples=K))(key)
    np.testing.assert_allclose(value, by_definition, rtol=0, atol=1e-5)
    assert abs(value - swapped) > 0.01


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_ciwae_is_the_combination(beta, key):
    log_w = _log_weights(key, 6)
    by_definition = beta * log_w.mean() + (1 - beta) * _log_mean_exp(log_w)
    value = jax.jit(lambda key: ciwae(key, *_ARGS, num_samples=6, beta=beta))(key)
    np.testing.assert_allclose(value, by_definition, rtol=0, atol=1e-5)
    assert _log_mean_exp(log_w) - log_w.mean() > 0.3


def _softmax(log_w):
    return np.exp(log_w) / np.exp(log_w).sum(-1, keepdims=True)


_LOG_W = np.array([0.3, -1.2, 2.0, 0.1, -0.4, 1.1])


@pytest.mark.parametrize(
    ("bound", "value", "path"),
    [
        (elbo_bound(), _LOG_W.mean(), np.full(6, 1 / 6)),
        (iwae_bound(), _log_mean_exp(_LOG_W), _softmax(_LOG_W) ** 2),
        (
            miwae_bound(2),
            _log_mean_exp(_LOG_W.reshape(2, 3), 1).mean(),
            _softmax(_LOG_W.reshape(2, 3)).ravel() ** 2 / 2,
        ),
        (
            ciwae_bound(0.25),
            0.25 * _LOG_W.mean() + 0.75 * _log_mean_exp(_LOG_W),
            0.25 / 6 + 0.75 * _softmax(_LOG_W) ** 2,
        ),
    ],
    ids=["elbo", "iwae", "miwae", "ciwae"],
)
def test_functionals(bound, value, path):
    log_w = jnp.array(_LOG_W, jnp.float32)
    np.testing.assert_allclose(bound.value(log_w), value, rtol=1e-6)
    np.testing.assert_allclose(bound.path(log_w), path, rtol=2e-6)
    # a shift of every log-weight is a shift of the bound, also where exp(log w) is not finite
    for shift in (-1e4, 1e4):  # float32 at 1e4 is rounded to 5e-4
        np.testing.assert_allclose(bound.value(log_w + shift), value + shift, atol=2e-3)
        np.testing.assert_allclose(bound.path(log_w + shift), path, rtol=5e-3)


def test_groups_must_be_equal():
    with pytest.raises(ValueError, match="6 draws do not make 4 groups of equal size"):
        miwae_bound(4).value(jnp.array(_LOG_W))


@pytest.mark.parametrize(
    ("num_samples", "chunk_size"), [(7, 1), (7, 3), (7, 7), (7, 100), (8, 4), (1, 3), (9, 5)]
)
def test_log_likelihood_is_of_exactly_the_draws_asked_for(num_samples, chunk_size, key):
    log_w = _log_weights(key, num_samples)
    w = np.exp(log_w)
    args = {"num_samples": num_samples, "chunk_size": chunk_size}
    value, ess, standard_error = jax.jit(lambda key: log_likelihood(key, *_ARGS, **args))(key)
    np.testing.assert_allclose(value, _log_mean_exp(log_w), rtol=0, atol=1e-5)
    by_definition = w.sum() ** 2 / (w**2).sum()
    np.testing.assert_allclose(ess, by_definition, rtol=5e-5)  # of exp(2 log w), log w to 1e-5
    of_mean = np.sqrt(np.mean((w / w.mean() - 1) ** 2) / num_samples)  # sd(w) / mean(w) / sqrt(K)
    if num_samples > 1:  # one draw has no standard error; one more or less would be seen
        np.testing.assert_allclose(standard_error, of_mean, rtol=2e-3, atol=1e-3)
        assert abs(_log_mean_exp(_log_weights(key, num_samples + 1)) - value) > 1e-3
        assert abs(_log_mean_exp(log_w[:-1]) - value) > 1e-3
