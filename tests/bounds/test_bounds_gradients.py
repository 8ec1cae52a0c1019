"""The score-free gradient: the plain gradient's mean, the same value, another variance."""

import functools
from collections.abc import Callable

import flax.struct
import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from vae_jax import (
    Distribution,
    Gaussian,
    Poisson,
    ciwae,
    iwae,
    miwae,
    sampled_elbo,
    standard_gaussian,
)
from vae_jax.bounds import Bound, iwae_bound
from vae_jax.bounds.draws import draw_keys
from vae_jax.bounds.score_free import score_free_bound

_X = jnp.asarray(lg.X[0], jnp.float32)
_BOUNDS = {
    "sampled_elbo": lambda *args, **kw: sampled_elbo(*args, **kw, num_samples=3).value,
    "iwae": lambda *args, **kw: iwae(*args, **kw, num_samples=5),
    "miwae": lambda *args, **kw: miwae(*args, **kw, num_groups=2, num_samples=4),
    "ciwae": lambda *args, **kw: ciwae(*args, **kw, num_samples=5, beta=0.3),
}


@functools.cache
def _values_and_gradients(bound):
    """(params, keys [n]) -> [n] values and gradients with leaves [n, ...]: score-free, then plain,
    of the same draws."""

    def value(params, key, score_free):
        return bound(key, _X, *lg.model(params), score_free=score_free)

    def of_keys(params, keys, score_free):
        return jax.vmap(lambda k: jax.value_and_grad(value)(params, k, score_free))(keys)

    return jax.jit(lambda params, keys: [of_keys(params, keys, free) for free in (True, False)])


def _flat(gradients):
    """[n, P] in float64."""
    return np.asarray(jax.vmap(lambda tree: ravel_pytree(tree)[0])(gradients), np.float64)


@pytest.mark.parametrize("bound", _BOUNDS.values(), ids=_BOUNDS)
def test_mean_is_the_plain_gradients(bound, key):
    keys = jax.random.split(key, 20_000)
    params = lg.params(shift=0.6, width=1.2)
    (free_value, free), (plain_value, plain) = _values_and_gradients(bound)(params, keys)
    # log w is of size 10: some ten roundings of 1e-6
    np.testing.assert_allclose(free_value, plain_value, rtol=0, atol=1e-5)
    assert np.std(plain_value) > 0.05
    for group in ("decoder", "prior"):  # draw by draw: the softmax-weighted gradient
        for name, gradient in plain[group].items():
            np.testing.assert_allclose(free[group][name], gradient, rtol=1e-5, atol=1e-4)
            assert np.std(gradient) > 0.05
    difference = _flat(free["encoder"]) - _flat(plain["encoder"])
    assert np.all(difference.std(0) > 0.05)
    assert np.all(np.abs(lg.z_score(difference)) < 4.5)
    # Sharp enough: the means are many standard errors from zero.
    assert np.max(np.abs(lg.z_score(_flat(plain["encoder"])))) > 20


def _score_free_iwae(path):
    """The IWAE of 5 draws with some coefficient of d log w / dz, as the library would use it."""

    def bound(key, x, encode, decode, prior, *, score_free):
        if not score_free:
            return iwae(key, x, encode, decode, prior, num_samples=5)
        q = encode(x)
        keys = jax.random.split(key, 5)

        def log_densities(z):
            return decode(z).log_prob(x) + prior.log_prob(z), q.log_prob(z)

        wrong = Bound(iwae_bound().value, path)
        return score_free_bound(wrong, q.sample_and_log_prob, log_densities, keys)

    return bound


def test_merely_dropping_the_score_of_iwae_is_biased(key):
    """The coefficient w~ in place of w~^2: what the test of the mean is able to see."""
    keys = jax.random.split(key, 20_000)
    params = lg.params(shift=0.6, width=1.2)
    (_, free), (_, plain) = _values_and_gradients(_score_free_iwae(jax.nn.softmax))(params, keys)
    difference = _flat(free["encoder"]) - _flat(plain["encoder"])
    assert np.max(np.abs(lg.z_score(difference))) > 10


@pytest.mark.parametrize("bound", _BOUNDS.values(), ids=_BOUNDS)
def test_variance_is_lower_near_the_posterior(bound, key):
    keys = jax.random.split(key, 20_000)
    params = lg.params(shift=0.1, width=1.05)
    (_, free), (_, plain) = _values_and_gradients(bound)(params, keys)
    ratio = _flat(free["encoder"]).var(0) / _flat(plain["encoder"]).var(0)
    assert np.all(ratio < 0.5)  # known to 3 % from 20,000 draws


class _Chain(Distribution):
    """q(h1) q(h2|h1), the second a closure over parameters that are no leaves."""

    loc: jax.Array
    log_scale: jax.Array
    conditional: Callable = flax.struct.field(pytree_node=False)

    reparameterized = True

    def _sample(self, key):
        first_key, second_key = jax.random.split(key)
        h1 = Gaussian(self.loc, self.log_scale).sample(first_key)
        return h1, self.conditional(h1).sample(second_key)

    def _log_prob(self, value):
        h1, h2 = value
        return Gaussian(self.loc, self.log_scale).log_prob(h1) + self.conditional(h1).log_prob(h2)

    def in_support(self, value):
        return jnp.all(jnp.isfinite(jnp.stack(value)))


class _ChainOfLeaves(_Chain):
    """The same with the parameters of the second as leaves."""

    conditional: dict

    def _sample(self, key):
        return _Chain(self.loc, self.log_scale, _linear(self.conditional))._sample(key)

    def _log_prob(self, value):
        return _Chain(self.loc, self.log_scale, _linear(self.conditional))._log_prob(value)


def _linear(params):
    return jax.jit(lambda h: Gaussian(params["a"] * h + params["c"], params["log_scale"]))


def _chain_posterior(x):
    """p(h1) = N(0, 1), p(h2|h1) = N(h1 / 2, .8^2), p(x|h) = N(h1 - h2, .5^2): its posterior."""
    cov_h = np.array([[1.0, 0.5], [0.5, 0.25 + 0.64]])
    gain = cov_h @ np.array([1.0, -1.0])
    var_x = gain @ np.array([1.0, -1.0]) + 0.25
    mean, cov = gain * x / var_x, cov_h - np.outer(gain, gain) / var_x
    slope = cov[1, 0] / cov[0, 0]
    params = {
        "loc": mean[0],
        "log_scale": 0.5 * np.log(cov[0, 0]),
        "conditional": {
            "a": slope,
            "c": mean[1] - slope * mean[0],
            "log_scale": 0.5 * np.log(cov[1, 1] - slope * cov[0, 1]),
        },
    }
    return jax.tree.map(jnp.asarray, params), -0.5 * (x**2 / var_x + np.log(2 * np.pi * var_x))


@pytest.mark.parametrize("closure", [True, False])
def test_chain_posterior_is_frozen_through_its_parameters(closure, key, x64):
    """At the exact posterior every score-free gradient is 0, also through d log q / d h1."""
    x = 1.3
    params, log_evidence = _chain_posterior(x)
    one = {"a": jnp.array(0.5), "c": jnp.array(0.0), "log_scale": jnp.log(0.8)}
    prior = _Chain(jnp.array(0.0), jnp.array(0.0), _linear(one))

    def encode(params):
        if closure:
            return _Chain(params["loc"], params["log_scale"], _linear(params["conditional"]))
        return _ChainOfLeaves(**params)

    def decode(h):
        return Gaussian(h[0] - h[1], jnp.log(0.5))

    def value(params, bound, score_free):
        closures = lambda x: encode(params), decode, prior
        return bound(key, jnp.array(x), *closures, score_free=score_free)

    @jax.jit
    def values_and_gradients(params):
        return [
            [jax.value_and_grad(value)(params, bound, free) for free in (True, False)]
            for bound in (_BOUNDS["sampled_elbo"], _BOUNDS["iwae"])
        ]

    for (free_value, free), (plain_value, plain) in values_and_gradients(params):
        np.testing.assert_allclose([free_value, plain_value], log_evidence, rtol=1e-10)
        np.testing.assert_allclose(ravel_pytree(free)[0], 0, atol=1e-12)
        assert np.all(np.abs(ravel_pytree(plain)[0]) > 0.01)


def test_value_is_the_bounds_where_a_weight_is_zero(key):
    """Draws of no weight are draws still: the bound is finite, with either gradient."""

    class Half(Distribution):
        """exp(-z) on z > 0, 0 elsewhere, the data ignored."""

        z: jax.Array
        reparameterized = False

        def _sample(self, key):
            return jnp.zeros(())

        def _log_prob(self, value):
            return jnp.where(self.z > 0, -self.z, -jnp.inf)

        def in_support(self, value):
            return jnp.array(True)

    prior = Gaussian(jnp.zeros(()), jnp.zeros(()))
    args = key, jnp.zeros(()), lambda x: prior, Half, prior
    plain = iwae(*args, num_samples=8)
    assert np.isfinite(plain)
    np.testing.assert_allclose(iwae(*args, num_samples=8, score_free=True), plain, rtol=1e-6)


def _impossible_sometimes(bound, differentiate, key, **options):
    """d bound / d loc, where z ~ N(loc, 1) and p(x|z) = Poisson(e^(100 z)): from z = 0.89 on the
    mean is infinite, and the log-weight and its derivative are -inf."""

    def value(loc):
        q = Gaussian(loc, jnp.zeros(()))
        args = key, jnp.array(1.0), lambda x: q, lambda z: Poisson(100 * z), standard_gaussian()
        return bound(*args, **options)

    return value(jnp.array(0.5)), jax.jit(differentiate(value))(jnp.array(0.5))


@pytest.mark.parametrize("score_free", [False, True])
@pytest.mark.parametrize("differentiate", [jax.jacrev, jax.jacfwd])
def test_a_draw_of_weight_zero_has_no_gradient(key, differentiate, score_free):
    """The gradient is that of the other draws."""
    options = {"num_samples": 8, "score_free": score_free}
    value, gradient = _impossible_sometimes(iwae, differentiate, key, **options)

    def others(loc):  # by hand; the weight of what is impossible is 0
        z = loc + jax.vmap(jax.random.normal)(draw_keys(key, 8))
        possible = z[z < 0.88]
        log_joint = jax.vmap(Poisson(jnp.zeros(())).replace)(log_rate=100 * possible)
        log_w = jax.vmap(lambda p: p.log_prob(jnp.array(1.0)))(log_joint)
        log_w += -0.5 * possible**2 + 0.5 * (possible - loc) ** 2
        return jax.nn.logsumexp(log_w) - jnp.log(8)

    expected, slope = jax.value_and_grad(others)(jnp.array(0.5))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    if not score_free:
        np.testing.assert_allclose(gradient, slope, rtol=1e-4)
    assert np.isfinite(gradient)
    assert gradient != 0
