"""What vae() takes besides two modules and a prior: a learned prior, groups, modules with state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conditional import DECODER, B, C, OfCondition, X, conditional
from flax import linen as nn
from flax import nnx
from linear_gaussian import z_score

from vae_jax import (
    Gaussian,
    Term,
    descend,
    elbo,
    evaluate,
    generate,
    kl,
    rate,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.models import trace
from vae_jax.networks import (
    MLP,
    ConvEncoder,
    GaussianHead,
    Network,
    batch_norm,
)


def test_a_prior_of_the_condition_is_learned(key):
    model = conditional(OfCondition())
    params = model.init(key, X[0], C[0])
    assert set(params) == {"encoder", "decoder", "prior"}
    table = params["prior"]["Embed_0"]["embedding"]
    for c in jnp.arange(3):
        np.testing.assert_array_equal(model.prior(params, c).loc, table[c])
    step = descend(weighted_sum(model), optax.adam(1e-2))
    state, _ = train_epoch(step, step.init(key, params), {"x": X, "c": C}, batch_size=4)
    assert np.all(state.params["prior"]["Embed_0"]["embedding"] != table)
    bound = evaluate.elbos(model, params, key, {"x": X, "c": C})
    posteriors = [model.encode(params, x, c) for x, c in zip(X, C, strict=True)]
    priors = [Gaussian(table[c], jnp.zeros(())) for c in C]
    expected = list(map(kl, posteriors, priors))
    np.testing.assert_allclose(bound.rate, expected, rtol=1e-5)
    far = {**params, "prior": {"Embed_0": {"embedding": table + jnp.array([[0.0], [50], [0]])}}}
    one, other = (generate.sample(model, p, key, 3, jnp.arange(3)) for p in (params, far))
    np.testing.assert_array_equal(one[::2], other[::2])
    assert np.any(one[1] != other[1])


def test_the_priors_dropout_has_noise_of_its_own(key):
    model = conditional(OfCondition(dropout=0.5))
    params = model.init(key, X[0], C[0])

    def loc(noise):
        return trace(model, params, key, X[0], C[0], noise=noise).p.loc

    masks = np.stack([loc(jax.random.key(n)) == 0 for n in range(12)])
    assert 0 < masks.mean() < 1
    assert not np.any(loc(None) == 0)


def test_further_groups_are_made_from_an_example_and_a_draw(key):
    shapes = {}

    def first(key, x, c, z):
        shapes.update(x=x.shape, c=c, z=z.shape, key=key)
        return {"kernel": jax.random.normal(key, z.shape)}

    encoder = Network(MLP((4,)), GaussianHead((2,)))
    model = vae(encoder, DECODER, standard_gaussian(2), groups={"critic": first, "other": first})
    params = model.init(key, X[0])
    assert shapes.pop("key") is not None
    assert shapes == {"x": (5,), "c": None, "z": (2,)}
    assert set(params) == {"encoder", "decoder", "critic", "other"}
    assert np.all(params["critic"]["kernel"] != params["other"]["kernel"])
    plain = vae(encoder, DECODER, standard_gaussian(2)).init(key, X[0])
    jax.tree.map(np.testing.assert_array_equal, plain, {g: params[g] for g in plain})


class Told(nn.Module):
    """N(BatchNorm(x), 1), told by `train` whether its averages move."""

    @nn.compact
    def __call__(self, x, c=None, train=False):
        norm = nn.BatchNorm(not train, momentum=0.9, axis_name="batch", use_bias=False)
        return Gaussian(norm(x), jnp.zeros(()))


def test_the_key_is_the_flag_of_batch_norm(key):
    """With it the batch's own statistics, and the averages move; without, the averages."""
    model = vae(Told(), DECODER, standard_gaussian(5))
    params = model.init(key, X[0])
    assert set(params["state"]["batch_stats"]) == {"encoder"}
    np.testing.assert_allclose(model.encode(params, X[0]).loc, X[0], rtol=1e-4)  # mean 0, var 1
    pooled = jax.vmap(
        lambda x, k: model.encode(params, x, None, k), axis_name="batch", in_axes=(0, None)
    )(X, key)
    loc = (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-5)
    np.testing.assert_allclose(pooled.made.loc, loc, rtol=1e-3, atol=1e-4)
    frozen = {"encoder": {"kernel": 0.1 * jnp.arange(1000.0)}}
    params["state"]["pretrained"] = frozen
    step = descend(weighted_sum(model), optax.adam(1e-2))
    state, _ = train_epoch(step, step.init(key, params), {"x": X}, batch_size=B)
    jax.tree.map(np.testing.assert_array_equal, state.params["state"]["pretrained"], frozen)
    moved = state.params["state"]["batch_stats"]["encoder"]["BatchNorm_0"]
    np.testing.assert_allclose(moved["mean"], 0.1 * X.mean(0), rtol=1e-4)
    np.testing.assert_allclose(moved["var"], 0.9 + 0.1 * X.var(0), rtol=1e-4)
    trained = model.encode(state.params, X[0]).loc
    scale = state.params["encoder"]["BatchNorm_0"]["scale"]
    expected = (X[0] - moved["mean"]) / np.sqrt(moved["var"] + 1e-5) * scale
    np.testing.assert_allclose(trained, expected, rtol=1e-4, atol=1e-5)


def test_a_body_with_batch_norm(key):
    """The norm of the bodies, on feature maps: over the batch and all positions."""
    body = ConvEncoder((3,), norm=batch_norm(momentum=0.5))
    images = np.random.default_rng(1).normal(3, 2, (B, 4, 4, 1)).astype(np.float32)
    decoder = Network(MLP((4,), norm=batch_norm()), GaussianHead((4, 4, 1)))
    model = vae(Network(body, GaussianHead((2,))), decoder, standard_gaussian(2))
    params = model.init(key, images[0])
    assert set(params["state"]["batch_stats"]) == {"encoder", "decoder"}
    step = descend(weighted_sum(model), optax.sgd(0.0))
    state = step.init(key, params)
    for _ in range(20):
        state, metrics = train_epoch(step, state, {"x": images}, batch_size=B)
    bound = evaluate.elbos(model, state.params, key, {"x": images})
    # by then the averages are those of this one batch: training and evaluation agree
    np.testing.assert_allclose(bound.rate.mean(), metrics["rate"][0], rtol=1e-3)
    before = evaluate.elbos(model, params, key, {"x": images})
    assert not np.isclose(before.rate.mean(), metrics["rate"][0], rtol=1e-2)


def test_what_a_module_reports_is_not_carried(key):
    """flax's `sow`, which is for looking."""

    class Sown(nn.Module):
        @nn.compact
        def __call__(self, x, c=None):
            self.sow("intermediates", "x", x)
            return Gaussian(x, jnp.zeros(()))

    assert "state" not in vae(Sown(), DECODER, standard_gaussian(5)).init(key, X[0])


def test_what_is_no_linen_module_is_told_what_to_do(key):
    class Encoder(nnx.Module):
        def __init__(self, rngs):
            self.loc = nnx.Linear(5, 2, rngs=rngs)

        def __call__(self, x):
            return Gaussian(self.loc(x), jnp.zeros(()))

    encoder = Encoder(nnx.Rngs(0))
    with pytest.raises(TypeError, match=r"got Encoder.*nnx\.split\(encoder\).*nnx\.merge\(graph"):
        vae(encoder, DECODER, standard_gaussian(2))
    with pytest.raises(TypeError, match=r"decoder must be a Flax Linen module.*four functions"):
        vae(DECODER, lambda z: z, standard_gaussian(2))
    graph, params = nnx.split(encoder)  # as it says
    plain = vae(Network(MLP((4,)), GaussianHead((2,))), DECODER, standard_gaussian(2))
    model = plain._replace(
        encode=lambda params, x, c=None, key=None: nnx.merge(graph, params["encoder"])(x)
    )
    tree = {**plain.init(key, X[0]), "encoder": params}
    assert np.all(np.isfinite(evaluate.elbos(model, tree, key, {"x": X}).value))


def test_a_trace_with_frozen_parameters_has_the_derivative_of_z_alone(key):
    """And not that of the distribution's leaves."""
    encoder = Network(MLP((4,)), GaussianHead((2,)))
    model = vae(encoder, DECODER, standard_gaussian(2))
    params, z = model.init(key, X[0]), jnp.array([0.3, -0.4])

    def log_q(params, z):
        return trace(model, jax.lax.stop_gradient(params), key, X[0], z=z).log_q

    to_params, to_z = jax.grad(log_q, argnums=(0, 1))(params, z)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(to_params))
    np.testing.assert_allclose(to_z, jax.grad(model.encode(params, X[0]).log_prob)(z), rtol=1e-5)


def test_the_record_is_the_front_doors_functions(key):
    encoder = Network(MLP((4,)), GaussianHead((2,)))
    model = vae(encoder, DECODER, standard_gaussian(2))
    params, keys = model.init(key, X[0]), jax.random.split(key, 2000)

    def front(key):
        parts = (lambda x: model.encode(params, x), lambda z: model.decode(params, z))
        return elbo(key, X[0], *parts, model.prior(params)).value

    loss = jax.jit(jax.vmap(lambda k: weighted_sum(model)(params, k, {"x": X[:1]}, 0)[0]))(keys)
    assert abs(z_score(loss + jax.jit(jax.vmap(front))(keys))) < 4.5


def test_a_prior_that_is_neither_is_refused():
    with pytest.raises(TypeError, match="The prior, where it is no Distribution, must be a Flax"):
        conditional(3)


def test_terms_of_a_weight_that_is_an_array_are_evaluated(key):
    model = vae(Network(MLP((4,)), GaussianHead((2,))), DECODER, standard_gaussian(2))
    terms = [Term("rate", rate, jnp.array(2.0))]
    found = evaluate.terms(model, model.init(key, X[0]), key, {"x": X}, terms, batch_size=4)
    assert np.all(found["rate"] > 0)
