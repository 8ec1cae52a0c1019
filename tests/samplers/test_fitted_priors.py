"""Priors fitted after training: densities, samplers, and a second VAE whose bound is exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score
from sklearn.mixture import GaussianMixture

from vae_jax import Gaussian, evaluate, generate, sampled_rate, standard_gaussian, vae
from vae_jax.distributions import Flowed
from vae_jax.flows import AutoregressiveFlow, Inverse
from vae_jax.models import VAE, trace, with_prior
from vae_jax.networks import (
    MLP,
    AffineLayer,
    BernoulliHead,
    FlowChain,
    GaussianHead,
    Network,
    iaf,
    maf,
    planar,
)
from vae_jax.samplers import (
    FITS,
    fit_flow,
    fit_gaussian_mixture,
    fit_second_stage,
    kind_from,
    nearest,
    second_stage,
    two_stage,
    with_fitted_prior,
)
from vae_jax.samplers.flow import flow_prior

X = (np.random.default_rng(0).random((12, 5)) < 0.4).astype(np.float32)
MODEL = vae(
    Network(MLP((4,)), GaussianHead((2,))),
    Network(MLP((4,)), BernoulliHead((5,))),
    standard_gaussian(2),
)


def rings(number, seed):
    """Draws about two points, correlated, far from N(0, I)."""
    rng = np.random.default_rng(seed)
    at = np.array([[3.0, 0.0], [-3.0, 1.0]])[rng.integers(0, 2, number)]
    return at + rng.normal(size=(number, 2)) @ np.array([[1.0, 0.9], [0.0, 0.3]])


Z, MORE = rings(600, 0), rings(400, 1)


def test_draws_of_the_aggregate_posterior_are_draws(key):
    params = MODEL.init(key, X[0])
    many = {"x": np.repeat(X[:3], 400, axis=0)}
    z = evaluate.aggregate_draws(MODEL, params, key, many).reshape(3, 400, 2)
    for x, own in zip(X, z, strict=False):
        q = MODEL.encode(params, x)
        noise = (own - q.mean()[None]) * np.exp(-np.asarray(q.log_scale))[None]
        assert np.all(np.abs(z_score(noise)) < 4.5)
        assert np.all(np.abs(z_score(noise**2, 1.0)) < 4.5)


def test_a_mixture_is_scikit_learns(key):
    fitted = fit_gaussian_mixture(Z, 2)
    theirs = GaussianMixture(2, random_state=0).fit(Z).score_samples(MORE)
    ours = jax.vmap(fitted.distribution.log_prob)(jnp.asarray(MORE, jnp.float32))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    model = with_fitted_prior(MODEL, fitted)
    params = model.init(key, X[0])
    same = with_prior(MODEL, fitted.distribution)
    own, expected = (
        evaluate.elbos(m, params, key, {"x": X}, rate=sampled_rate) for m in (model, same)
    )
    np.testing.assert_allclose(own.value, expected.value, rtol=1e-5)


def entropy_of_rings():
    """-E log p of the density they are of, by a mixture with its parameters."""
    half = np.array([[1.0, 0.9], [0.0, 0.3]])
    cov = half.T @ half
    inverse, log_det = np.linalg.inv(cov), np.linalg.slogdet(2 * np.pi * cov)[1]
    apart = [MORE - at for at in ([3.0, 0.0], [-3.0, 1.0])]
    log_p = [-0.5 * (np.einsum("nd,de,ne->n", a, inverse, a) + log_det) for a in apart]
    return -(np.logaddexp(*log_p) - np.log(2))


def parabola(number, seed):
    """z1 ~ N(0, 1.5^2), z2 ~ N(z1^2 / 2, 0.3^2), and -log p of each."""
    e = np.random.default_rng(seed).normal(size=(number, 2))
    z1 = 1.5 * e[:, 0]
    log_p = -0.5 * (e**2).sum(1) - np.log(2 * np.pi * 1.5 * 0.3)
    return np.stack([z1, z1**2 / 2 + 0.3 * e[:, 1]], 1), -log_p


@pytest.mark.parametrize("recipe", [maf, iaf], ids=["maf", "iaf"])
def test_a_flow_learns_what_it_is_fitted_to(recipe, key):
    """Of draws it has not seen, within a quarter of what one Gaussian lacks of their density."""
    (train, _), (test, truth) = parabola(1000, 0), parabola(1000, 1)
    fitted = fit_flow(key, train, recipe(2, 2, (16,)), epochs=60, learning_rate=1e-2)
    found = -np.asarray(jax.jit(jax.vmap(fitted.distribution.log_prob))(jnp.asarray(test)))
    cov, apart = np.cov(train.T), test - train.mean(0)
    one = np.einsum("nd,de,ne->n", apart, np.linalg.inv(cov), apart) / 2
    one += np.linalg.slogdet(2 * np.pi * cov)[1] / 2
    above = found - truth
    assert z_score(above) > -4.5  # no density has more in the mean
    assert above.mean() < (one - truth).mean() / 4


def test_a_flow_by_its_name_is_that_recipe(key):
    """Of the command: which of the two ways is one pass."""
    for name, recipe, quick in (("maf", maf, Inverse), ("iaf", iaf, AutoregressiveFlow)):
        group = flow_prior(recipe(2, 3, (4,)), 2).init(key)["params"]
        kind = kind_from({"fit": name, "size": 2, "options": {"layers": 3, "width": 4}})
        prior = kind.apply(MODEL).prior({"prior": group})
        assert isinstance(prior, Flowed)
        fitted, _ = prior.flow.parts
        assert sum(isinstance(part, quick) for part in fitted.parts) == 3


def test_draws_between_neighbours_have_no_density(key):
    fitted = nearest(Z, 3)
    z = np.asarray(jax.vmap(fitted.distribution.sample)(jax.random.split(key, 500)))
    ends = np.stack([np.repeat(Z, 3, 0), Z[np.asarray(fitted.params["neighbours"]).ravel()]], 1)
    step, apart = ends[:, 1] - ends[:, 0], z[:, None] - ends[None, :, 0]
    t = np.clip((apart * step).sum(-1) / (step**2).sum(-1), 0, 1)
    distance = np.linalg.norm(apart - t[..., None] * step, axis=-1).min(1)
    assert distance.max() < 1e-5
    assert np.all(np.abs(z_score(z, Z.mean(0))) < 4.5)
    assert len(np.unique(z, axis=0)) == 500
    model = with_fitted_prior(MODEL, fitted)
    params = model.init(key, X[0])
    assert generate.sample(model, params, key, 4).shape == (4, 5)
    for refused, how in (
        (evaluate.elbos, {"rate": sampled_rate}),
        (evaluate.log_likelihoods, {"num_samples": 2}),
    ):
        with pytest.raises(TypeError, match=r"Nearest has no density.*fit_gaussian_mixture"):
            refused(model, params, key, {"x": X}, **how)


def linear_second(scale, noise):
    """p(u) = N(0, I), p2(z|u) = N(scale u, noise^2): its posterior, and so its bound, is exact."""
    variance = scale**2 + noise**2

    def encode(params, x, c=None, key=None):
        return Gaussian(scale / variance * x, jnp.log(noise / jnp.sqrt(variance)))

    def decode(params, z, c=None, key=None):
        return Gaussian(scale * z, jnp.log(jnp.asarray(noise)))

    prior = standard_gaussian(2)
    second = VAE(lambda key, x, c=None: {}, encode, decode, lambda params, c=None, key=None: prior)
    return second, Gaussian(jnp.zeros(2), 0.5 * jnp.log(jnp.full(2, variance)))


def test_a_second_stage_bounds_the_priors_density(key):
    """By that of its exact posterior it is the density: for every u log w is log p(z)."""
    second, marginal = linear_second(1.3, 0.4)
    model, single = two_stage(MODEL, second), with_prior(MODEL, marginal)
    params = model.init(key, X[0])
    assert set(params) == {"encoder", "decoder", "prior"}

    def both(key, x):
        t = trace(model, params, key, x)
        of_second = t.p["z"].log_prob(t.z["z"]) + t.p["u"].log_prob(t.z["u"]) - t.log_q["u"]
        one = single.prior(params).log_prob(t.z["z"])
        return of_second, one, t.likelihood.log_prob(x)

    keys = jax.random.split(key, len(X))
    of_second, one, _ = jax.vmap(both)(keys, X)
    np.testing.assert_allclose(of_second, one, rtol=1e-5, atol=1e-5)
    narrow, _ = linear_second(1.3, 0.8)
    worse = two_stage(MODEL, second._replace(encode=narrow.encode))
    bounds = [
        evaluate.elbos(m, params, key, {"x": np.tile(X, (20, 1))}, rate=sampled_rate).value
        for m in (model, worse)
    ]
    assert z_score(bounds[1] - bounds[0]) < -4.5  # another posterior of u: a looser bound
    assert generate.sample(model, params, key, 3).shape == (3, 5)


def test_a_second_stage_is_trained_on_draws(key):
    """Its bound on draws it has not seen is above the density of one Gaussian, and below their
    own."""
    train, test, second = Z / 3, MORE / 3, second_stage(2, (32,))
    params = fit_second_stage(key, train, second, epochs=100, batch_size=50, learning_rate=3e-3)
    assert params["decoder"]["head"]["scale"]["log_scale"].shape == ()  # gamma, learned
    assert params["decoder"]["head"]["scale"]["log_scale"] != 0
    how = {"rate": sampled_rate, "num_samples": 10}
    found = evaluate.elbos(second, params, key, {"x": jnp.asarray(test)}, **how).value
    truth = -entropy_of_rings() + 2 * np.log(3)
    one = -np.linalg.slogdet(2 * np.pi * np.e * np.cov(train.T))[1] / 2
    assert z_score(found - one) > 4.5
    assert z_score(found - truth) < -4.5


def test_what_cannot_be_fitted_is_refused(key):
    for draws in (Z[:, 0], {"z1": Z, "z2": Z}, Z[:1]):
        with pytest.raises(ValueError, match=r"draws \[N, D\] of one latent that is a vector"):
            nearest(draws)
    with pytest.raises(ValueError, match="not finite: no prior"):
        fit_gaussian_mixture(np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="601 components need as many draws; got 600"):
        fit_gaussian_mixture(Z, 601)
    with pytest.raises(ValueError, match="5 neighbours need more draws than 5"):
        nearest(Z[:5])
    with pytest.raises(TypeError, match="Planar has no inverse"):
        fit_flow(key, Z, planar(2, 1), epochs=1)
    with pytest.raises(
        ValueError, match=r"not finite after any of 1 epochs: lower the learning ra"
    ):
        fit_flow(key, Z[:20], FlowChain((AffineLayer(2),)), epochs=1, learning_rate=np.nan)
    with pytest.raises(ValueError, match="neighbours is no option of fit='maf', which has epochs"):
        kind_from({"fit": "maf", "size": 2, "options": {"neighbours": 3}})
    assert set(FITS) == {"gaussian_mixture", "maf", "iaf", "nearest", "two_stage", "codes"}
