"""Posteriors that are flows, through everything that takes a model."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
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
from vae_jax.bounds import elbo_bound
from vae_jax.flows import AutoregressiveFlow
from vae_jax.models import with_vamp_prior
from vae_jax.networks import MLP, BernoulliHead, FlowHead, GaussianHead, Network, iaf, planar

X = (np.random.default_rng(0).random((12, 6)) < 0.4).astype(np.float32)
DECODER = Network(MLP((8,)), BernoulliHead((6,)))
TWO, FOUR = standard_gaussian(2), standard_gaussian(4)
PLANAR = vae(Network(MLP((8,)), FlowHead(GaussianHead((2,)), planar(2, 1))), DECODER, TWO)
WITH_IAF = FlowHead(GaussianHead((4,)), iaf(4, 1, (16,)), nn.Dense(16))
FLOW = vae(Network(MLP((16,)), WITH_IAF), DECODER, FOUR)
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
    with pytest.raises(TypeError, match=r"Planar has no inverse.*score_free"):
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
            log_p = FLOW.decode(params, z).log_prob(x) + FOUR.log_prob(z)
            return log_q - log_p

        return jax.vmap(negative_elbo)(keys, X).mean()

    ours = operations(lambda params: objective(params, key, {"x": X}, 0)[0], params)
    assert ours < 1.15 * operations(by_hand, params)


def moved(params):
    """Parameters that are nowhere 0, at which a flow would be the identity."""
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(5), len(leaves))
    noisy = [
        leaf + jax.random.normal(k, leaf.shape) / 3 for k, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(tree, noisy)


def test_the_flows_density_of_a_draw_is_that_of_its_value(key):
    q = FLOW.encode(moved(FLOW.init(key, X[0])), X[0])
    z, log_q = q.sample_and_log_prob(key)
    np.testing.assert_allclose(log_q, q.log_prob(z), rtol=1e-5)
    (flow,), e = q.flow.parts, q.base.sample(key)
    assert isinstance(flow, AutoregressiveFlow)
    jacobian = jax.jacfwd(lambda e: flow.forward_and_log_det(e)[0])(e)
    np.testing.assert_allclose(jnp.triu(jacobian, 1), 0)
    assert np.all(np.abs(jnp.tril(jacobian)[jnp.tril_indices(4)]) > 1e-6)  # told by all before
    log_det = jnp.linalg.slogdet(jacobian)[1]
    np.testing.assert_allclose(log_q, q.base.log_prob(e) - log_det, rtol=1e-5)
    told = FLOW.encode(moved(FLOW.init(key, X[0])), X[1]).flow.forward_and_log_det(e)[0]
    assert np.all(told != flow.forward_and_log_det(e)[0])  # the context reaches every value


@pytest.mark.parametrize("bound", [elbo_bound(), iwae_bound()], ids=["elbo", "iwae"])
def test_the_score_free_gradient_of_a_flow_is_the_plain_one_in_the_mean(bound, key):
    """Of a flow whose inverse is known: by the density of the value, not that of the draw."""
    params = moved(FLOW.init(key, X[0]))

    def value_and_gradient(key, score_free):
        objective = importance_weighted(FLOW, bound, num_draws=2, score_free=score_free)
        return jax.value_and_grad(lambda p: objective(p, key, {"x": X[:2]}, 0)[0])(params)

    both = jax.jit(jax.vmap(lambda key: [value_and_gradient(key, own) for own in (False, True)]))
    (value, gradient), (other, without) = both(jax.random.split(key, 800))
    np.testing.assert_allclose(value, other, rtol=1e-4)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)  # noqa: E731
    jax.tree.map(close, gradient["decoder"], without["decoder"])
    for a, b in zip(*map(jax.tree.leaves, (gradient["encoder"], without["encoder"])), strict=True):
        apart = np.asarray(a - b, np.float64).reshape(len(a), -1)
        moves = apart.std(0) > 1e-6  # of units that are dead, and weights that are masked, none
        assert moves.any()
        assert np.all(np.abs(z_score(apart[:, moves])) < 4.5)


def test_a_vamp_prior_of_flows(key):
    """The mixture of the flow posteriors at pseudo-inputs, whose weights are held once."""
    C = 5
    model = with_vamp_prior(FLOW, lambda key, x: jax.random.uniform(key, (C, *x.shape)))
    params = model.init(key, X[0])
    assert params["prior"]["inputs"].shape == (C, 6)
    prior = model.prior(params)
    z = jnp.array([0.3, -0.2, 0.1, 0.5])
    each = jax.jit(jax.vmap(lambda u: FLOW.encode(params, u).log_prob(z)))
    parts = each(params["prior"]["inputs"])
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
