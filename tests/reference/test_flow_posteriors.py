"""Posteriors that are flows, through everything that takes a model."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flows import IAF, IAFHead, PlanarHead
from linear_gaussian import z_score

from vae_jax import (
    Gaussian,
    Term,
    descend,
    distortion,
    evaluate,
    fit,
    importance_weighted,
    iwae_bound,
    sampled_rate,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.models import with_vamp_prior
from vae_jax.networks import MLP, BernoulliHead, Network

X = (np.random.default_rng(0).random((12, 6)) < 0.4).astype(np.float32)
DECODER = Network(MLP((8,)), BernoulliHead((6,)))
PLANAR = vae(Network(MLP((8,)), PlanarHead(2)), DECODER, standard_gaussian(2))
FLOW = vae(Network(MLP((16,)), IAFHead(4, 16)), DECODER, standard_gaussian(4))
TERMS = [Term("distortion", distortion), Term("rate", sampled_rate)]


def test_a_planar_posterior_is_trained_and_scored(key):
    step = descend(weighted_sum(PLANAR, TERMS), optax.adam(1e-2))
    options = {"key": key, "epochs": 40, "batch_size": 6, "held_out": {"x": X}}
    fitted = fit(PLANAR, step, {"x": X}, rate=sampled_rate, evaluate_every=20, **options)
    losses = [row["loss"] for row in fitted.rows if row["data"] == "train"]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.3
    scored = {"num_samples": 20, "batch_size": 12}
    bound = evaluate.elbos(PLANAR, fitted.params, key, {"x": X}, rate=sampled_rate, **scored)
    log_p = evaluate.log_likelihoods(PLANAR, fitted.params, key, {"x": X}, **scored)
    gap = log_p.value - bound.value
    assert gap.mean() > 0
    assert np.all(np.isfinite(gap))
    objective = importance_weighted(PLANAR, iwae_bound(), num_draws=3)
    gradient = jax.grad(lambda p: objective(p, key, {"x": X}, 0)[0])(fitted.params)
    assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient))
    free = importance_weighted(PLANAR, iwae_bound(), num_draws=3, score_free=True)
    with pytest.raises(TypeError, match=r"Planar knows log q of what it draws.*score_free"):
        jax.eval_shape(free, fitted.params, key, {"x": X}, 0)
    with pytest.raises(TypeError, match="mutual_information"):
        evaluate.mutual_information(PLANAR, fitted.params, key, {"x": X})


def operations(loss, params):
    return jax.jit(jax.grad(loss)).lower(params).compile().cost_analysis()["flops"]


def test_a_flows_step_costs_what_it_costs_by_hand(key):
    """log q of the draw comes with it; rescored, it would be inverted, dimension by dimension."""
    params, keys = FLOW.init(key, X[0]), jax.random.split(key, len(X))
    objective = weighted_sum(FLOW, TERMS)

    def by_hand(params):
        def negative_elbo(key, x):
            z, log_q = FLOW.encode(params, x).sample_and_log_prob(key)
            log_p = FLOW.decode(params, z).log_prob(x) + standard_gaussian(4).log_prob(z)
            return log_q - log_p

        return jax.vmap(negative_elbo)(keys, X).mean()

    ours = operations(lambda params: objective(params, key, {"x": X}, 0)[0], params)
    assert ours < 1.15 * operations(by_hand, params)


def test_the_flows_density_of_a_draw_is_that_of_its_value(key):
    q = FLOW.encode(FLOW.init(key, X[0]), X[0])
    assert isinstance(q, IAF)
    z, log_q = q.sample_and_log_prob(key)
    np.testing.assert_allclose(log_q, q.log_prob(z), rtol=1e-5)
    base = Gaussian(q.base.loc, q.base.log_scale)
    e = base.sample(key)
    jacobian = jax.jacfwd(lambda e: _forward(q, e))(e)
    np.testing.assert_allclose(jnp.triu(jacobian, 1), 0)
    np.testing.assert_allclose(log_q, base.log_prob(e) - jnp.linalg.slogdet(jacobian)[1], rtol=1e-5)


def _forward(q, e):
    shift, log_scale = q.shift_and_log_scale(e)
    return shift + jnp.exp(log_scale) * e


def test_a_vamp_prior_of_flows(key):
    """The mixture of the flow posteriors at pseudo-inputs, whose weights are held once."""
    C = 5
    model = with_vamp_prior(FLOW, lambda key, x: jax.random.uniform(key, (C, *x.shape)))
    params = model.init(key, X[0])
    assert params["prior"]["inputs"].shape == (C, 6)
    prior = model.prior(params)
    z = jnp.array([0.3, -0.2, 0.1, 0.5])
    parts = [FLOW.encode(params, u).log_prob(z) for u in params["prior"]["inputs"]]
    np.testing.assert_allclose(prior.log_prob(z), np.logaddexp.reduce(parts) - np.log(C), rtol=1e-5)
    objective = importance_weighted(model, iwae_bound(), num_draws=4)
    gradient = jax.grad(lambda p: objective(p, key, {"x": X}, 0)[0])(params)
    assert np.all(np.any(gradient["prior"]["inputs"] != 0, axis=1))
    bounds = [
        evaluate.elbos(m, params, key, {"x": X}, rate=sampled_rate, num_samples=5)
        for m in (model, FLOW)
    ]
    np.testing.assert_allclose(bounds[0].distortion, bounds[1].distortion, rtol=1e-6)
    assert np.all(bounds[0].rate != bounds[1].rate)  # the prior is read late


def test_draws_of_the_vamp_prior_are_of_its_components(key):
    """Posteriors of deviation e^-4 about the means of their pseudo-inputs."""
    narrow = vae(DECODER, DECODER, standard_gaussian(6))._replace(
        encode=lambda params, x, c=None, key=None: Gaussian(x, jnp.array(-4.0))
    )
    inputs = 5.0 * jnp.eye(3, 6)
    prior = with_vamp_prior(narrow, lambda key, x: inputs).prior({"prior": {"inputs": inputs}})
    z = np.asarray(jax.vmap(prior.sample)(jax.random.split(key, 3000)))
    nearest = np.abs(z[:, None] - np.asarray(inputs)).max(-1)  # [n, C]
    assert nearest.min(1).max() < 5 * np.exp(-4.0)
    share = np.stack([nearest.argmin(1) == c for c in range(3)], axis=1)
    assert np.all(np.abs(z_score(share.astype(float), 1 / 3)) < 4.5)
