"""Where q is the exact posterior, log w is log p(x) whatever is drawn, and every bound is exact."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import (
    Gaussian,
    Joint,
    batched,
    ciwae,
    elbo,
    iwae,
    kl,
    log_likelihood,
    miwae,
    sampled_elbo,
    standard_gaussian,
)

_IMPORTANCE_WEIGHTED = {
    "sampled_elbo": lambda *args, **kw: sampled_elbo(*args, **kw, num_samples=3).value,
    "iwae": lambda *args, **kw: iwae(*args, **kw, num_samples=5),
    "miwae": lambda *args, **kw: miwae(*args, **kw, num_groups=2, num_samples=3),
    "ciwae": lambda *args, **kw: ciwae(*args, **kw, num_samples=5, beta=0.3),
}


def _all_bounds(params, key, x):
    """Each bound of each of x [B, 4], which at the posterior is log p(x)."""
    front, behind = lg.model(params), lg.batched_model(params)

    def one(key, x):
        values = {name: f(key, x, *front) for name, f in _IMPORTANCE_WEIGHTED.items()}
        for name, f in _IMPORTANCE_WEIGHTED.items():
            values[f"{name} score-free"] = f(key, x, *front, score_free=True)
        return values | {"likelihood": log_likelihood(key, x, *front, num_samples=7, chunk_size=3)}

    values = jax.vmap(one)(jax.random.split(key, len(x)), x)
    values["batched likelihood"] = batched.log_likelihood(
        key, x, *behind, num_samples=7, chunk_size=3
    )
    for name in ("likelihood", "batched likelihood"):
        estimate = values.pop(name)
        values[name] = estimate.value
        values[f"{name} ess / K"] = estimate.ess / 7 + lg.log_evidence(lg.X) - 1
        values[f"{name} variance"] = estimate.standard_error**2 + lg.log_evidence(lg.X)
    return values | {"batched iwae": batched.iwae(key, x, *behind, num_samples=3)}


# float32: log w is the sum of ten terms of size up to 20, each rounded to 1e-6. Of the standard
# error the square is compared, 1/ess - 1/K, whose rounding its root would make large.
@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 2e-5), (np.float64, 1e-10)])
def test_every_bound_is_the_evidence(dtype, atol, key, request):
    if dtype is np.float64:
        request.getfixturevalue("x64")
    values = jax.jit(_all_bounds)(lg.params(dtype), key, lg.X.astype(dtype))
    assert len(values) == 15
    for name, value in values.items():
        assert value.dtype == dtype
        np.testing.assert_allclose(value, lg.log_evidence(lg.X), rtol=0, atol=atol, err_msg=name)


def test_score_free_gradient_is_zero_and_the_plain_one_is_not(key, x64):
    """The score-free gradient for the encoder has no variance left at the optimum."""

    def gradients(params, key, x):
        def value(encoder, bound, score_free):
            closures = lg.model(params | {"encoder": encoder})
            return bound(key, x, *closures, score_free=score_free)

        return {
            name: [jax.grad(value)(params["encoder"], bound, free) for free in (True, False)]
            for name, bound in _IMPORTANCE_WEIGHTED.items()
        }

    for score_free, plain in jax.jit(gradients)(lg.params(np.float64), key, lg.X[0]).values():
        for name in ("A", "c", "log_scale"):
            np.testing.assert_allclose(score_free[name], 0, atol=1e-12)
            assert np.max(np.abs(plain[name])) > 0.1


def test_elbo_and_its_gap_make_the_evidence_for_any_posterior(x64):
    """ELBO + KL(q || p(z|x)) = log p(x), where the distortion is averaged in closed form."""
    params, x = lg.params(np.float64, shift=0.7, width=1.6), lg.X[0]
    encode, _, prior = lg.model(params)
    q = encode(x)
    expected = Gaussian(lg.W @ q.loc + lg.b, jnp.log(lg.s)).log_prob(x)
    spread = jnp.sum(jnp.sum(lg.W**2, 0) * jnp.exp(2 * q.log_scale)) / (2 * lg.s**2)
    distortion = spread - expected  # E_q |W(z - E z)|^2 / 2s^2 = tr(W diag(s_q^2) W') / 2s^2
    gap = kl(q, lg.model(lg.params(np.float64))[0](x))
    assert gap > 0.5
    np.testing.assert_allclose(gap - distortion - kl(q, prior), lg.log_evidence(x), rtol=1e-12)


def test_elbo_is_that_in_the_mean(key):
    """Values, distortions and rates of 4000 keys: the closed-form rate is the same each time."""
    params, x = lg.params(shift=0.7, width=1.6), jnp.asarray(lg.X[0], jnp.float32)
    gap = float(kl(lg.model(params)[0](x), lg.model(lg.params())[0](x)))

    @jax.jit
    @jax.vmap
    def bounds(key):
        args = key, x, *lg.model(params)
        return elbo(*args, num_samples=3), sampled_elbo(*args, num_samples=3)

    closed, sampled = bounds(jax.random.split(key, 4000))
    np.testing.assert_array_equal(closed.distortion, sampled.distortion)  # of the same draws
    for bound in (closed, sampled):
        np.testing.assert_allclose(bound.value, -bound.distortion - bound.rate, rtol=1e-6)
        assert abs(lg.z_score(bound.value, lg.log_evidence(lg.X[0]) - gap)) < 4.5
    assert np.ptp(closed.rate) == 0
    assert np.ptp(sampled.rate) > 1
    assert abs(lg.z_score(sampled.rate, float(closed.rate[0]))) < 4.5


def test_event_may_be_a_tree(key):
    """x a dict and z a tuple: independent models side by side have the sum of the evidences."""
    encode, decode, prior = lg.model(lg.params())
    args = (
        {"left": jnp.asarray(lg.X[0], jnp.float32), "right": jnp.asarray(lg.X[1], jnp.float32)},
        lambda x: Joint((encode(x["left"]), encode(x["right"]))),
        lambda z: Joint({"left": decode(z[0]), "right": decode(z[1])}),
        Joint((prior, prior)),
    )
    value, rate = jax.jit(
        lambda key: (iwae(key, *args, num_samples=2, score_free=True), elbo(key, *args).rate)
    )(key)
    np.testing.assert_allclose(value, sum(lg.log_evidence(lg.X[:2])), rtol=0, atol=4e-5)
    rates = [kl(encode(x), prior) for x in args[0].values()]
    np.testing.assert_allclose(rate, sum(rates), rtol=1e-6)


def test_nothing_of_a_gaussian_likelihood_is_dropped(key):
    """A likelihood that ignores z has the same density at every draw: constants and all."""
    x = jnp.array([0.5, -1.0, 2.0])
    likelihood = Gaussian(jnp.zeros(3), jnp.array(-1.5))
    prior = standard_gaussian(2)
    parts = elbo(key, x, lambda x: prior, lambda z: likelihood, prior)
    by_hand = 0.5 * np.sum(x**2) * np.exp(3) - 3 * 1.5 + 1.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(parts.distortion, by_hand, rtol=1e-6)
    np.testing.assert_allclose(parts.rate, 0, atol=1e-6)
