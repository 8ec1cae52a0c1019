"""A prior in the place of another: its parameters, what it carries, and what goes with the old."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bodies import Normalised
from conditional import DECODER, B, C, OfCondition, X, conditional
from flax import linen as nn
from linear_gaussian import z_score

from vae_jax import (
    Gaussian,
    Term,
    chain,
    descend,
    evaluate,
    generate,
    sampled_rate,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.models import (
    log_prior,
    of_examples,
    of_noise,
    trace,
    with_codebook,
    with_exemplar_prior,
    with_prior,
    with_vamp_prior,
)
from vae_jax.networks import MLP, DeltaHead, GaussianHead, JointHead, Network, one_hot


class Constant(nn.Module):
    """The input of a prior without a condition."""

    @nn.compact
    def __call__(self, c=None):
        return jnp.ones(2)


PLAIN = conditional(standard_gaussian(2))
NORMALISED = nn.Sequential([one_hot(3), Normalised(4), GaussianHead((2,))])  # of the condition
DATA = {"x": X, "c": C}


def test_a_prior_can_be_put_in_the_place_of_another(key):
    """By `with_prior`: the same prior, learned, of the same numbers."""
    plain = conditional(standard_gaussian(2))
    model = with_prior(plain, OfCondition())
    params = model.init(key, X[0], C[0])
    assert set(params) == {"encoder", "decoder", "prior"}
    fixed = with_prior(plain, Gaussian(params["prior"]["Embed_0"]["embedding"][1], jnp.zeros(())))
    data = {"x": X[1:2], "c": C[1:2]}
    learned, same = (evaluate.elbos(m, params, key, data).value for m in (model, fixed))
    np.testing.assert_allclose(learned, same, rtol=1e-6)
    wrong = with_prior(plain, nn.Sequential([one_hot(3), GaussianHead((5,))]))
    with pytest.raises(ValueError, match="they must be the same"):
        wrong.init(key, X[0], C[0])
    with pytest.raises(TypeError, match=r"prior, where it is no Distribution, must be a Flax"):
        with_prior(plain, jnp.zeros(2))


def test_a_prior_of_other_events_is_refused_in_init(key):
    plain = conditional(standard_gaussian(2))
    with pytest.raises(ValueError, match="they must be the same"):
        with_prior(plain, standard_gaussian(3)).init(key, X[0], C[0])


def test_a_prior_with_batch_norm_pools_in_training_and_reads_its_averages_after(key):
    model = with_prior(PLAIN, NORMALISED)
    params = model.init(key, X[0], C[0])
    assert set(params) == {"encoder", "decoder", "prior", "state"}
    assert set(params["state"]["batch_stats"]) == {"prior"}
    step = descend(weighted_sum(model), optax.sgd(0.0))
    state, metrics = train_epoch(step, step.init(key, params), DATA, batch_size=B)
    dense = params["prior"]["layers_1"]["Dense_0"]["kernel"][C]  # one-hot rows, no bias yet
    moved = state.params["state"]["batch_stats"]["prior"]["layers_1"]["BatchNorm_0"]
    np.testing.assert_allclose(moved["mean"], 0.1 * dense.mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moved["var"], 0.9 + 0.1 * dense.var(0), rtol=1e-5)
    before, after = (
        evaluate.elbos(model, p, key, DATA).rate.mean() for p in (params, state.params)
    )
    assert not np.isclose(before, metrics["rate"][0], rtol=1e-3)  # it pools in training alone
    assert before != after
    assert generate.sample(model, state.params, key, 3, C[:3]).shape == (3, 5)


@pytest.mark.parametrize("old", [NORMALISED, OfCondition()], ids=["with state", "without"])
def test_a_replaced_prior_leaves_nothing_behind(old, key):
    """Neither parameters, which a decay would go on with, nor a share of the state."""
    learned, inputs = with_prior(PLAIN, old), lambda key, x: jnp.stack([x, x])
    for model, groups in (
        (with_prior(learned, standard_gaussian(2)), set()),
        (with_prior(learned, OfCondition()), {"prior"}),
        (with_vamp_prior(learned, inputs), {"prior"}),
        (with_prior(with_vamp_prior(PLAIN, inputs), standard_gaussian(2)), set()),
    ):
        params = model.init(key, X[0], C[0])
        assert set(params) == {"encoder", "decoder"} | groups
        noisy = trace(model, params, key, X[0], C[0], noise=key)  # nothing is asked for, or moves
        assert noisy.state is None


def test_what_others_carry_stays(key):
    """The encoder's averages, and frozen weights that happen to have the name."""
    encoder = Network(Normalised(4), GaussianHead((2,)))
    learned = vae(encoder, DECODER, nn.Sequential([Constant(), Normalised(4), GaussianHead((2,))]))
    frozen = {"prior": jnp.ones(3)}

    def init(key, x, c=None):
        params = learned.init(key, x, c)
        return {**params, "state": {**params["state"], "pretrained": frozen}}

    before = learned.init(key, X[0])["state"]
    assert set(before["batch_stats"]) == {"encoder", "prior"}
    fixed = with_prior(learned._replace(init=init), standard_gaussian(2))
    state = fixed.init(key, X[0])["state"]
    assert set(state) == {"batch_stats", "pretrained"}
    assert set(state["batch_stats"]) == {"encoder"}
    assert set(state["pretrained"]) == {"prior"}


def test_a_hierarchys_prior_may_carry_a_state(key):
    """Of which its own networks have none."""
    layer = Network(MLP((4,)), GaussianHead((2,)))
    deep = chain([layer, layer], [DECODER, layer], standard_gaussian(2))
    heads = JointHead({"z1": GaussianHead((2,)), "z2": GaussianHead((2,))})
    model = with_prior(deep, nn.Sequential([Constant(), Normalised(4), heads]))
    params = model.init(key, X[0])
    carried = jax.vmap(lambda x: trace(model, params, key, x, noise=key).state, axis_name="batch")(
        X
    )
    moved = carried["batch_stats"]["prior"]["layers_1"]["BatchNorm_0"]
    dense = params["prior"]["layers_1"]["Dense_0"]["kernel"].sum(0)  # of ones
    np.testing.assert_allclose(moved["mean"][0], 0.1 * dense, rtol=1e-5)
    assert trace(model, params, key, X[0]).state is None


def test_pseudo_inputs_are_encoded_by_the_averages(key):
    """Not by the batch's statistics; and what the encoder carries moves once, by the examples."""
    plain = vae(Network(Normalised(4), GaussianHead((2,))), DECODER, standard_gaussian(2))
    model = with_vamp_prior(plain, lambda key, x: jnp.stack([x, 1 - x]))
    params, z = model.init(key, X[0]), jnp.zeros(2)
    run = lambda x: trace(model, params, key, x, z=z, noise=key).state  # noqa: E731
    assert set(jax.vmap(run, axis_name="batch")(X)["batch_stats"]) == {"encoder"}
    parts = [plain.encode(params, u).log_prob(z) for u in params["prior"]["inputs"]]
    expected = np.logaddexp.reduce(parts) - np.log(2)
    np.testing.assert_allclose(model.prior(params, None, key).log_prob(z), expected, rtol=1e-5)


def test_pseudo_inputs_are_encoded_once_a_batch(key):
    """The operations of another example are those of its own pass, and not of C more; and they
    begin where they are said to."""
    number, wide = 64, Network(MLP((64,)), GaussianHead((2,)))
    plain = vae(wide, DECODER, standard_gaussian(2))
    model = with_vamp_prior(plain, of_examples(number, X))

    def flops(model, batch):
        def bound(params, keys, x):
            each = jax.vmap(lambda key, x: log_prior(trace(model, params, key, x)))(keys, x)
            return each.mean()

        x = jnp.zeros((batch, X.shape[1]))
        args = jax.eval_shape(model.init, key, X[0]), jax.random.split(key, batch), x
        return jax.jit(jax.grad(bound)).lower(*args).compile().cost_analysis()["flops"]

    one, many = flops(model, 2), flops(model, 34)
    passes = flops(plain, 34) - flops(plain, 2)  # of 32 examples
    scored = 32 * number * 2 * 40  # of a mixture of so many Gaussians, and its derivative
    encoded = 32 * number * 2 * (64 * X.shape[1] + 64 * 4)  # what it costs for each example anew
    assert passes + scored < encoded / 2
    assert many - one < encoded / 2  # compilers differ by a tenth in what they count
    inputs = model.init(key, X[0])["prior"]["inputs"]
    assert np.all([any(np.array_equal(u, x) for x in X) for u in inputs])
    rows = np.arange(12).reshape(6, 2)
    assert len(np.unique(of_examples(5, rows)(key, rows[0]), axis=0)) == 5  # none of them twice
    noise = of_noise(500, -0.05)(key, X[0])
    assert abs(z_score(np.asarray(noise).ravel(), -0.05)) < 4.5
    np.testing.assert_allclose(noise.std(), 0.01, rtol=0.1)


def test_gaussians_around_what_is_made_of_examples(key):
    """Which stay as they are while the encoder is learned, and the one scale with it."""
    plain = vae(Network(MLP((4,)), GaussianHead((2,))), DECODER, standard_gaussian(2))
    model = with_exemplar_prior(plain, of_examples(4, X), nearest=2)
    params = model.init(key, X[0])
    kept, z = params["state"]["exemplars"]["prior"], jnp.array([0.4, -1.0])
    assert np.all([any(np.array_equal(u, x) for x in X) for u in kept])
    means = jnp.stack([plain.encode(params, u).mean() for u in kept])
    log_p = sorted(Gaussian(mean, jnp.zeros(2)).log_prob(z) for mean in means)
    expected = np.logaddexp(*log_p[-2:]) - np.log(4)
    np.testing.assert_allclose(model.prior(params).log_prob(z), expected, rtol=1e-5)
    step = descend(weighted_sum(model, [Term("rate", sampled_rate)]), optax.sgd(0.1))
    state, _ = step.update(step.init(key, params), {"x": X})
    np.testing.assert_array_equal(state.params["state"]["exemplars"]["prior"], kept)
    assert state.params["prior"]["log_scale"] != 0
    without = with_prior(model, standard_gaussian(2)).init(key, X[0])
    assert set(without) == {"encoder", "decoder"}


def test_a_codebook_of_a_learned_prior_is_refused(key):
    points = vae(Network(MLP((4,)), DeltaHead((3, 2))), DECODER, standard_gaussian(3, 2))
    learned = with_vamp_prior(points, lambda key, x: jnp.stack([x, x]))
    with pytest.raises(ValueError, match=r"never descended.*with_code_prior\(with_codebook"):
        with_codebook(learned, 4).init(key, X[0])
