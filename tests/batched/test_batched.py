"""batched: the front door's bounds for a whole batch at once."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest

from vae_jax import Bernoulli, Delta, Gaussian, Mixture, batched, kl, standard_gaussian
from vae_jax import bounds as one_example

_XS = jnp.asarray(lg.X, jnp.float32)
_PARAMS = lg.params(shift=0.6, width=1.3)


def test_without_coupling_it_is_the_vmapped_bound_in_the_mean(key):
    """The draws differ (another use of the keys), the distribution of the bound does not."""
    encode, decode, prior = lg.model(_PARAMS)

    @jax.jit
    @jax.vmap
    def both(key):
        args = lg.batched_model(_PARAMS)
        ours = batched.elbo(key, _XS, *args), batched.iwae(key, _XS, *args, num_samples=4)

        def one(key, x):
            args = key, x, encode, decode, prior
            return one_example.elbo(*args), one_example.iwae(*args, num_samples=4)

        return ours, jax.vmap(one)(jax.random.split(jax.random.fold_in(key, 9), 3), _XS)

    (ours, ours_iwae), (theirs, theirs_iwae) = both(jax.random.split(key, 4000))
    assert ours.value.shape == ours_iwae.shape == (4000, 3)
    np.testing.assert_allclose(ours.rate, theirs.rate, rtol=1e-6)
    np.testing.assert_allclose(ours.value, -ours.distortion - ours.rate, rtol=1e-6)
    for difference in (ours.distortion - theirs.distortion, ours_iwae - theirs_iwae):
        assert np.all(np.abs(lg.z_score(difference)) < 4.5)
    # Of the same spread. At worst both are as skewed as a chi-squared variable, with a kurtosis of
    # 15: each standard deviation is known to sqrt(14 / 4n) = 3 %, their ratio to 4.2 %.
    np.testing.assert_allclose(ours.value.std(0), theirs.value.std(0), rtol=0.19)
    np.testing.assert_allclose(ours_iwae.std(0), theirs_iwae.std(0), rtol=0.19)
    # examples and keys have draws of their own
    correlation = np.corrcoef(np.asarray(ours.distortion).T)[np.triu_indices(3, 1)]
    assert np.all(np.abs(correlation) < 4.5 / np.sqrt(4000))


def test_with_the_same_draws_it_is_the_vmapped_bound(key):
    """A posterior without noise: the draws are the same by construction, number for number."""
    encode, decode, prior = lg.model(_PARAMS)
    point = lambda x: Delta(encode(x).loc)  # noqa: E731
    args = key, _XS, jax.vmap(point), jax.vmap(decode), prior

    @jax.jit
    def values():
        return (
            batched.iwae(*args, num_samples=3),
            batched.log_likelihood(*args, num_samples=5, chunk_size=2),
            [one_example.iwae(key, x, point, decode, prior, num_samples=3) for x in _XS],
        )

    ours, likelihood, theirs = values()
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(likelihood.value, theirs, rtol=1e-6)
    np.testing.assert_allclose(likelihood.ess, 5, rtol=1e-6)
    assert np.ptp(ours) > 0.5


@pytest.mark.parametrize(("num_samples", "chunk_size"), [(7, 3), (8, 100)])
def test_log_likelihood_is_of_exactly_the_draws_asked_for(num_samples, chunk_size, key):
    """Of the same draws, which are nested, as the IWAE of as many."""
    args = lg.batched_model(_PARAMS)

    @jax.jit
    def both(key):
        estimate = batched.log_likelihood(
            key, _XS, *args, num_samples=num_samples, chunk_size=chunk_size
        )
        draws = [
            batched.iwae(key, _XS, *args, num_samples=n)
            for n in (num_samples - 1, num_samples, num_samples + 1)
        ]
        return estimate, draws

    estimate, (fewer, same, more) = both(key)
    np.testing.assert_allclose(estimate.value, same, rtol=0, atol=1e-5)
    assert np.all(np.abs(estimate.value - fewer) > 1e-3)
    assert np.all(np.abs(estimate.value - more) > 1e-3)
    assert np.all((estimate.ess > 1) & (estimate.ess < num_samples))
    expected = np.sqrt(1 / estimate.ess - 1 / num_samples)
    np.testing.assert_allclose(estimate.standard_error, expected, rtol=1e-4)


def test_gradient_reaches_encoder_decoder_and_prior(key):
    """The gradient of the rate is that of the closed form; the distortion moves the decoder."""

    def rates(params):
        return jnp.sum(batched.elbo(key, _XS, *lg.batched_model(params)).rate)

    def by_hand(params):
        encode, _, prior = lg.model(params)
        return jnp.sum(jax.vmap(lambda x: kl(encode(x), prior))(_XS))

    ours, theirs = (jax.jit(jax.grad(f))(_PARAMS) for f in (rates, by_hand))
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)

    def bound(params):
        return jnp.sum(batched.iwae(key, _XS, *lg.batched_model(params), num_samples=2))

    assert all(np.all(g != 0) for g in jax.tree.leaves(jax.jit(jax.grad(bound))(_PARAMS)))


_BOUNDS = {
    "elbo": batched.elbo,
    "iwae": lambda *args, num_samples=2: batched.iwae(*args, num_samples=num_samples),
    "log_likelihood": lambda *args, num_samples=2: batched.log_likelihood(
        *args, num_samples=num_samples
    ),
}


def _gaussian(*shape):
    return Gaussian(jnp.zeros(shape), jnp.zeros(shape))


_REFUSALS = {
    "a legacy key": (
        {"key": jnp.zeros(2, jnp.uint32)},
        TypeError,
        r"key must be a typed key, .* not the older PRNGKey; got an array uint32\[2\]",
    ),
    "a key for each example": (
        {"key": jax.random.split(jax.random.key(0), 5)},
        ValueError,
        "key must be one scalar key; got 5 of them",
    ),
    "a list": ({"x": [0.0] * 6}, TypeError, "x must be an array.*got list"),
    "no draws": ({"num_samples": 0}, ValueError, "num_samples must be at least 1; got 0"),
    "half a draw": ({"num_samples": 2.0}, TypeError, "num_samples must be a Python int"),
    "encode gives a tuple": (
        {"encode": lambda x: (x, x)},
        TypeError,
        r"What encode\(x\) returns must be a vae_jax Distribution",
    ),
    "decode gives an array": (
        {"decode": lambda z: z},
        TypeError,
        r"What decode\(z\) returns must be a vae_jax Distribution",
    ),
    "a shared scale": (
        {"encode": lambda x: Gaussian(jnp.zeros((5, 2)), jnp.zeros(()))},
        ValueError,
        r"What encode\(x\) returns must have parameters with a leading batch axis of 5; got the"
        r" shapes \[\(5, 2\), \(\)\]\. Make it with jax\.vmap, .*broadcast the shared parameters",
    ),
    "a shared scale of the likelihood": (
        {"decode": lambda z: Gaussian(jnp.zeros((len(z), 6)), jnp.zeros(()))},
        ValueError,
        r"What decode\(z\) returns must have parameters with a leading batch axis of \d+; got the"
        r" shapes \[\(\d+, 6\), \(\)\]\.",
    ),
    "one likelihood for all": (
        {"decode": lambda z: Bernoulli(jnp.zeros(6))},
        ValueError,
        r"What decode\(z\) returns must have parameters with a leading batch axis",
    ),
    "the draws of one example": (
        {"decode": lambda z: Bernoulli(jnp.zeros((3, 6)))},
        ValueError,
        r"What decode\(z\) returns must have parameters with a leading batch axis",
    ),
    "another latent": (
        {"encode": lambda x: _gaussian(5, 3)},
        ValueError,
        r"events of shape \[3\], the prior over events of shape \[2\]",
    ),
    "a batch of priors": (
        {"prior": standard_gaussian(5, 2)},
        ValueError,
        r"events of shape \[2\], the prior over events of shape \[5, 2\]",
    ),
    "another shape of x": (
        {"decode": lambda z: Bernoulli(jnp.zeros((len(z), 6, 1)))},
        ValueError,
        r"events of shape \[6, 1\], and x has shape \[6\]",
    ),
}


@pytest.mark.parametrize("bound", _BOUNDS.values(), ids=_BOUNDS)
@pytest.mark.parametrize(("wrong", "error", "match"), _REFUSALS.values(), ids=_REFUSALS)
def test_refusals(wrong, error, match, bound):
    good = {
        "key": jax.random.key(0),
        "x": jnp.zeros((5, 6)),
        "encode": lambda x: _gaussian(5, 2),
        "decode": lambda z: Bernoulli(jnp.zeros((len(z), 6))),
        "prior": standard_gaussian(2),
    }
    args = [wrong.get(name, value) for name, value in good.items()]
    with pytest.raises(error, match=match):
        bound(*args, **{name: wrong[name] for name in wrong if name not in good})


def test_posterior_that_is_not_reparameterized(key):
    """Refused where a gradient is taken, not by log_likelihood."""
    encode, decode, prior = lg.model(lg.params())

    def twice(x):
        q = encode(x)
        return Mixture(jnp.array([0.3, -1.0]), jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), q))

    args = key, _XS, jax.vmap(twice), jax.vmap(decode), prior
    for bound in (_BOUNDS["elbo"], _BOUNDS["iwae"]):
        with pytest.raises(TypeError, match=r"Mixture, is not reparameterized.*log_likelihood"):
            bound(*args)
    # both components are the exact posterior
    value = _BOUNDS["log_likelihood"](*args).value
    np.testing.assert_allclose(value, lg.log_evidence(lg.X), rtol=0, atol=2e-5)


def test_sampled_elbo_is_the_iwae_of_one_draw_and_its_parts_are_those_of_elbo(key):
    args = key, _XS, *lg.batched_model(_PARAMS)
    sampled = batched.sampled_elbo(*args)
    np.testing.assert_allclose(sampled.value, batched.iwae(*args, num_samples=1), rtol=1e-5)
    np.testing.assert_array_equal(sampled.distortion, batched.elbo(*args).distortion)
    np.testing.assert_allclose(sampled.value, -sampled.distortion - sampled.rate, rtol=1e-6)
