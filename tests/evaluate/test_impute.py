"""Missing values, given those that are there: of the linear-Gaussian model they are known."""

import jax.numpy as jnp
import linear_gaussian as exact
import numpy as np
import pytest

from vae_jax import (
    VAE,
    Categorical,
    Gaussian,
    Joint,
    Masked,
    data,
    evaluate,
    standard_gaussian,
    vae,
)
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, masked

HIDDEN = np.array([[False, True, False, False], [True, False, False, True], [False] * 4])
GAPS = np.where(HIDDEN, np.nan, exact.X).astype(np.float32)


def given_observed(mask):
    """The posterior given the observed values of an example: covariance and the map to its mean."""
    W, s, r = exact.W[mask], exact.s, exact.r
    covariance = np.linalg.inv(np.diag(1 / r**2) + W.T @ W / s**2)
    return (
        covariance,
        lambda x: covariance @ (W.T @ (x[mask] - exact.b[mask]) / s**2 + exact.m / r**2),
    )


def model(width):
    """The oracle with a mask for a condition; q is `width` times as wide as the posterior."""

    def encode(params, x, mask, key=None):
        W = params["W"] * mask[:, None]
        precision = jnp.diag(1 / params["r"] ** 2) + W.T @ W / params["s"] ** 2
        shifted = W.T @ (x - params["b"]) / params["s"] ** 2 + params["m"] / params["r"] ** 2
        covariance = jnp.linalg.inv(precision)
        return Gaussian(covariance @ shifted, 0.5 * jnp.log(jnp.diag(covariance)) + np.log(width))

    def decode(params, z, mask, key=None):
        return Masked(Gaussian(params["W"] @ z + params["b"], jnp.log(params["s"])), mask)

    def prior(params, mask=None, key=None):
        return Gaussian(params["m"], jnp.log(params["r"]))

    return VAE(lambda key, x, c: None, encode, decode, prior)


PARAMS = {name: jnp.asarray(getattr(exact, name), jnp.float32) for name in "Wbsmr"}


def test_missing_values_have_their_conditional_means(key):
    batch = data.observed(GAPS)
    K = 5_000
    found = evaluate.impute(model(1.3), PARAMS, key, batch, num_samples=K)
    for x, filled, hidden, ess in zip(exact.X, found.x, HIDDEN, found.ess, strict=True):
        np.testing.assert_array_equal(filled[~hidden], np.float32(x[~hidden]))
        covariance, mean = given_observed(~hidden)
        expected = exact.W @ mean(x) + exact.b
        error = np.sqrt(np.diag(exact.W @ covariance @ exact.W.T) / ess)
        assert np.all(np.abs(filled - expected)[hidden] < 4.5 * error[hidden])
        assert 0.2 * K < ess < K


def test_gaps_become_masks():
    batch = data.observed({"a": GAPS, "b": np.ones((3, 2))})
    np.testing.assert_array_equal(batch["c"]["a"], ~HIDDEN)
    np.testing.assert_array_equal(batch["x"]["a"], np.where(HIDDEN, 0, np.float32(exact.X)))
    assert batch["c"]["b"].all()
    with pytest.raises(TypeError, match="takes floats, with NaN for what is missing; got int64"):
        data.observed(np.ones((2, 2), int))
    with pytest.raises(ValueError, match=r"1 examples have no value at all, the first x\[1\]"):
        data.observed(np.array([[1.0, np.nan], [np.nan, np.nan]]))


def test_networks_with_a_mask(key):
    flat = lambda mask: jnp.ravel(mask).astype(jnp.float32)  # noqa: E731
    encoder = Network(MLP((3,)), GaussianHead((2,)), embed=flat)
    inner = Network(MLP((3,)), GaussianHead((4,)), embed=flat)
    batch = data.observed(GAPS)
    one = _vae(encoder, masked(inner, lambda mask: mask))
    params = one.init(key, batch["x"][0], batch["c"][0])
    found = evaluate.impute(one, params, key, batch, num_samples=5)
    assert np.isfinite(found.x).all()
    plain = _vae(encoder, inner)
    with pytest.raises(TypeError, match=r"asks which values are missing of a Masked.*a Gaussian"):
        evaluate.impute(plain, plain.init(key, batch["x"][0], batch["c"][0]), key, batch)
    classes = _vae(encoder, masked(Network(MLP((3,)), BernoulliHead((4,)), flat), lambda m: m))
    with pytest.raises(ValueError, match="outside the likelihood's support"):
        evaluate.impute(classes, classes.init(key, batch["x"][0], batch["c"][0]), key, batch)


KIND = Categorical(jnp.zeros(3))
BESIDE = {  # numbers p that are masked, and a class
    "a mask of both": lambda p, mask: Masked(
        Joint({"numbers": p.distribution, "kind": KIND}),
        {"numbers": mask, "kind": jnp.ones((), bool)},
    ),
    "a mask of the numbers": lambda p, mask: Joint({"numbers": p, "kind": KIND}),
    "two masks": lambda p, mask: Masked(Joint({"numbers": p, "kind": KIND}), jnp.array(True)),
    "a class that is missing": lambda p, mask: Masked(
        Joint({"numbers": p, "kind": KIND}), {"numbers": True, "kind": mask[1]}
    ),
}


@pytest.mark.parametrize("beside", BESIDE)
def test_a_part_without_a_mean_is_what_was_observed(beside, key):
    """Classes stand beside the numbers, and change nothing; of one that is missing there is no
    mean, and none is made up."""
    plain, batch = model(1.3), data.observed(GAPS)
    both = plain._replace(
        encode=lambda params, x, mask, key=None: plain.encode(params, x["numbers"], mask),
        decode=lambda params, z, mask, key=None: BESIDE[beside](
            plain.decode(params, z, mask), mask
        ),
    )
    kinds = np.array([2, 0, 1], np.int32)
    rows = {"x": {"numbers": batch["x"], "kind": kinds}, "c": batch["c"]}
    given = (PARAMS, key)
    if beside == "a class that is missing":
        with pytest.raises(TypeError, match=r"of 1 examples, the first x\[0\], of a part of"):
            evaluate.impute(both, *given, rows, num_samples=5)
        return
    found = evaluate.impute(both, *given, rows, num_samples=5)
    alone = evaluate.impute(plain, *given, batch, num_samples=5)
    np.testing.assert_allclose(found.x["numbers"], alone.x, rtol=1e-5)
    np.testing.assert_array_equal(found.x["kind"], kinds)
    assert found.x["kind"].dtype == np.int32


def _vae(encoder, decoder):
    return vae(encoder, decoder, standard_gaussian(2))
