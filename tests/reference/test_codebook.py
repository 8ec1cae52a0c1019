"""A VQ-VAE whose codes are moving averages, with BatchNorm in both networks: both states move."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from bodies import Normalised
from flax import linen as nn

from vae_jax import (
    Player,
    Term,
    alternate,
    chain,
    descend,
    distortion,
    evaluate,
    generate,
    importance_weighted,
    iwae_bound,
    rate,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.distributions import CodeTable, Quantised, UniformCodes
from vae_jax.models import trace, with_codebook
from vae_jax.networks import MLP, BernoulliHead, DeltaHead, GaussianHead, Network
from vae_jax.objectives import commitment, perplexity

N, D, K, B = 3, 2, 5, 6
X = (np.random.default_rng(0).random((B, 8)) < 0.4).astype(np.float32)


class Trained(nn.Module):
    """The same, told by flax's argument."""

    @nn.compact
    def __call__(self, z, c=None, train=False):
        x = nn.Dense(8)(z.ravel())
        x = nn.BatchNorm(not train, momentum=0.9, axis_name="batch")(x)
        return BernoulliHead((8,))(nn.relu(x))


PLAIN = vae(Network(Normalised(), DeltaHead((N, D))), Trained(), standard_gaussian(N, D))
MODEL = with_codebook(PLAIN, K, decay=0.8)
TERMS = [
    Term("distortion", distortion),
    Term("commitment", commitment, 0.25),
    Term("perplexity", perplexity, 0.0),
]
PARAMS = MODEL.init(jax.random.key(0), X[0])
STATE = PARAMS["state"]


def test_both_states_move_in_one_step_and_are_what_they_should_be(key):
    step = descend(weighted_sum(MODEL, TERMS), optax.adam(1e-2))
    state, metrics = jax.jit(step.update)(step.init(key, PARAMS), {"x": X})
    moved = state.params["state"]
    assert set(moved) == set(STATE) == {"batch_stats", "codebook"}
    assert set(moved["batch_stats"]) == {"encoder", "decoder"}
    kernel = np.asarray(PARAMS["encoder"]["body"]["Dense_0"]["kernel"])
    dense = np.float64(X @ kernel)
    averages = moved["batch_stats"]["encoder"]["body"]["BatchNorm_0"]
    np.testing.assert_allclose(averages["mean"], 0.1 * dense.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(averages["var"], 0.9 + 0.1 * dense.var(0), rtol=1e-4)
    body = np.maximum((dense - dense.mean(0)) / np.sqrt(dense.var(0) + 1e-5), 0)
    head = jax.tree.map(np.asarray, PARAMS["encoder"]["head"]["value"])
    features = (body @ head["kernel"] + head["bias"]).reshape(-1, D)
    codes = np.asarray(STATE["codebook"]["sums"])[0] / (
        N / K
    )  # each as often as the others at first
    chosen = ((features[:, None] - codes) ** 2).sum(-1).argmin(1)  # [B * N]
    counts = np.bincount(chosen, minlength=K)
    sums = np.stack([features[chosen == k].sum(0) for k in range(K)])
    book = moved["codebook"]
    np.testing.assert_allclose(book["counts"][0], 0.8 * N / K + 0.2 * counts / B, rtol=1e-5)
    np.testing.assert_allclose(
        book["sums"][0], 0.8 * N / K * codes + 0.2 * sums / B, rtol=1e-3, atol=1e-5
    )
    share = counts / counts.sum()
    entropy = -np.sum(share[share > 0] * np.log(share[share > 0]))
    np.testing.assert_allclose(metrics["perplexity"], np.exp(entropy), rtol=1e-5)
    distance = ((features - codes[chosen]) ** 2).sum() / B
    np.testing.assert_allclose(metrics["commitment"], distance, rtol=1e-3)
    for group in ("encoder", "decoder"):
        changed = jax.tree.map(lambda a, b: np.any(a != b), state.params[group], PARAMS[group])
        assert any(jax.tree.leaves(changed))


def test_the_state_is_the_mean_over_draws(key):
    """And the same with one draw or four, of a posterior that has but one."""
    one, four = (
        weighted_sum(MODEL, TERMS, num_samples=n)(PARAMS, key, {"x": X}, 0)[1].state for n in (1, 4)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one, four)


def test_evaluation_reads_the_state_and_leaves_it(key):
    """Running averages, whatever the batch; the bound's rate is N log K."""
    t = trace(MODEL, PARAMS, key, X[0])
    assert t.state is None
    assert type(t.q) is Quantised
    assert type(t.p) is UniformCodes
    bound = evaluate.elbos(MODEL, PARAMS, key, {"x": X}, rate=rate)
    np.testing.assert_allclose(bound.rate, N * np.log(K), rtol=1e-6)
    alone = evaluate.elbos(MODEL, PARAMS, key, {"x": X[:1]}, rate=rate)
    np.testing.assert_allclose(bound.value[0], alone.value[0], rtol=1e-6)
    held_out = evaluate.terms(MODEL, PARAMS, key, {"x": X}, TERMS, batch_size=4)
    assert {name: len(values) for name, values in held_out.items()} == dict.fromkeys(held_out, 4)
    assert np.ptp(held_out["perplexity"]) == 0  # pooled: one number for a batch
    assert 1 <= held_out["perplexity"][0] <= K
    assert generate.sample(MODEL, PARAMS, key, 4).shape == (4, 8)
    assert generate.reconstruct(MODEL, PARAMS, key, X).shape == X.shape


def test_a_term_that_asks_for_the_batch_elsewhere_is_told_where_it_is(key):
    with pytest.raises(ValueError, match=r'The axis "batch" is there in training and in evaluate'):
        evaluate.elbos(MODEL, PARAMS, key, {"x": X}, rate=perplexity)
    with pytest.raises(TypeError, match="a model with codes, and q is a Delta"):
        weighted_sum(PLAIN, TERMS)(PARAMS, key, {"x": X}, 0)
    with pytest.raises(ValueError, match="score_free is for networks that see one example"):
        importance_weighted(MODEL, iwae_bound(), num_draws=2, score_free=True)(
            PARAMS, key, {"x": X}, 0
        )


def test_the_gradient_goes_straight_through(key):
    """The codes' derivative is the features'; the distortion has none with respect to the codes."""
    features, codes = jnp.array([[0.9, 0.1]]), jnp.array([[[1.0, 0.0], [0.0, 1.0]]])
    drawn = lambda f, e: Quantised(f, CodeTable(e)).sample(key)  # noqa: E731
    loss = lambda f, e: jnp.sum(drawn(f, e) * jnp.array([[2.0, 3.0]]))  # noqa: E731
    to_features, to_codes = jax.grad(loss, argnums=(0, 1))(features, codes)
    np.testing.assert_array_equal(to_features, [[2.0, 3.0]])
    np.testing.assert_array_equal(to_codes, 0)
    np.testing.assert_array_equal(drawn(features, codes), [[1.0, 0.0]])


def test_codes_that_are_not_used_stay_where_they_are(key):
    """Their counts would decay to 0 / 0, or, smoothed, their sums fly off."""
    book = {"counts": jnp.full((1, K), 0.9e-3 * N / K), "sums": 0.9e-3 * STATE["codebook"]["sums"]}
    params = {**PARAMS, "state": {**STATE, "codebook": book}}
    objective = jax.jit(lambda params: weighted_sum(MODEL, TERMS)(params, key, {"x": X}, 0)[1])
    state = objective(params).state
    unused = np.asarray(state["codebook"]["counts"] == book["counts"])
    assert unused.any()
    kept, was = (b["sums"][unused] for b in (state["codebook"], book))
    np.testing.assert_allclose(kept, was, rtol=1e-6)  # a mean over the batch, rounded


def test_each_players_descent_moves_the_state(key):
    objective = weighted_sum(MODEL, TERMS)
    players = [Player(n, objective, (n,), optax.sgd(0.0)) for n in ("encoder", "decoder")]
    steps = alternate(*players), descend(objective, optax.sgd(0.0))
    twice, once = (
        jax.jit(s.update)(s.init(key, PARAMS), {"x": X})[0].params["state"] for s in steps
    )
    stat = lambda state: state["batch_stats"]["encoder"]["body"]["BatchNorm_0"]["mean"]  # noqa: E731
    np.testing.assert_allclose(stat(twice), 1.9 * stat(once), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0])
def test_decays_that_are_none_are_refused(decay):
    with pytest.raises(ValueError, match=r"decay must be in \(0, 1\)"):
        with_codebook(PLAIN, K, decay=decay)
    with pytest.raises(ValueError, match="num_codes must be at least 1"):
        with_codebook(PLAIN, 0)


def test_codes_of_another_size_are_refused(key):
    with pytest.raises(ValueError, match=r"for events \[..., 3\]; got one of shape \[4, 2\]"):
        Quantised(jnp.zeros((4, 2)), CodeTable(jnp.zeros((1, 2, 3)))).sample(key)
    gaussian = vae(Network(Normalised(), GaussianHead((4,))), Trained(), standard_gaussian(4))
    params = with_codebook(gaussian, 3).init(key, X[0])  # of the mean; one vector of 4
    assert params["state"]["codebook"]["sums"].shape == (1, 3, 4)


def test_codes_that_nearly_coincide_are_codes(key):
    """By what a search for the nearest would round."""
    codes = 100 + 0.05 * jax.random.normal(key, (1, 64, 4))
    prior = UniformCodes(CodeTable(codes), (3, 4))
    draws = jax.vmap(prior.sample)(jax.random.split(key, 20))
    np.testing.assert_allclose(jax.vmap(prior.log_prob)(draws), -3 * np.log(64), rtol=1e-6)
    assert prior.log_prob(draws[0] + 1e-3) == -np.inf


def test_a_codebook_takes_one_latent_of_vectors(key):
    layer, pixels = (Network(MLP((4,)), head) for head in (GaussianHead((2,)), BernoulliHead((5,))))
    deep = chain([layer, layer], [pixels, layer], standard_gaussian(2))
    with pytest.raises(ValueError, match=r"one latent, an array of vectors \[\.\.\., D\]; got"):
        with_codebook(deep, 4).init(key, jnp.zeros(5))
