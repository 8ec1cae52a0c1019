"""Any q wide enough: E[w] = p(x), the bounds in their order, and what log_likelihood says."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import elbo, iwae, log_likelihood, sampled_elbo

_X = jnp.asarray(lg.X[0], jnp.float32)


@pytest.fixture(scope="module")
def log_weight():
    """(params, keys [n]) -> log-weights [n], relative to the evidence."""

    @jax.jit
    def of(params, keys):
        values = jax.vmap(lambda k: iwae(k, _X, *lg.model(params), num_samples=1))(keys)
        return values - lg.log_evidence(lg.X[0])

    return of


@pytest.mark.parametrize(("shift", "width"), [(0.0, 0.85), (0.4, 1.0), (-1.0, 1.5), (0.5, 3.0)])
def test_mean_weight_is_the_evidence(shift, width, log_weight, key):
    """The variance of w is finite where q is more than sqrt(1/2) as wide as the posterior."""
    keys = jax.random.split(key, 40_000)
    w = np.exp(np.asarray(log_weight(lg.params(shift=shift, width=width), keys), np.float64))
    assert w.std() / np.sqrt(len(w)) < 0.02
    assert abs(lg.z_score(w, 1.0)) < 4.5


def test_bounds_are_in_order(key):
    """ELBO < IWAE_4 < IWAE_8 < log p(x), each by more than five standard errors.

    The differences are paired: draw k of one key is the same however many are drawn.
    """
    params = lg.params(shift=0.8, width=1.5)

    @jax.jit
    @jax.vmap
    def bounds(key):
        args = key, _X, *lg.model(params)
        return jnp.stack(
            [
                elbo(*args).value,
                iwae(*args, num_samples=4),
                iwae(*args, num_samples=8),
            ]
        )

    values = np.asarray(bounds(jax.random.split(key, 4000)), np.float64)
    values = np.c_[values, np.full(len(values), lg.log_evidence(lg.X[0]))]
    assert np.all(lg.z_score(np.diff(values, axis=1)) > 5)


def test_one_sample_is_the_elbo(key):
    args = key, _X, *lg.model(lg.params(shift=0.8, width=1.5))
    ours = iwae(*args, num_samples=1), sampled_elbo(*args).value
    np.testing.assert_allclose(*ours, rtol=4e-7)  # the same terms in another order


def test_standard_error_is_the_spread_over_keys(key):
    """And the value is log p(x) within it."""
    params, n = lg.params(shift=0.5, width=1.2), 1500

    @jax.jit
    @jax.vmap
    def estimates(key):
        return log_likelihood(key, _X, *lg.model(params), num_samples=300)

    estimate = estimates(jax.random.split(key, n))
    error = np.asarray(estimate.value, np.float64) - lg.log_evidence(lg.X[0])
    # A standard deviation from n values is known to 1 / sqrt(2 n) = 1.8 %; K = 300 adds a bias of
    # the order of 1 / ess.
    np.testing.assert_allclose(error.std(), np.mean(estimate.standard_error), rtol=0.08)
    standardized = error / estimate.standard_error
    assert abs(np.mean(np.abs(standardized) < 1.96) - 0.95) < 0.025  # 4.5 sqrt(.95 .05 / n)
