"""Codes between encoder and decoder: on features that are the data, without networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score

from vae_jax import Delta, Gaussian, Term, distortion, evaluate, rate, standard_gaussian
from vae_jax.distributions import CodeTable, ResidualCodes
from vae_jax.models import VAE, at_depth, trace, with_codebook, with_residual_codes
from vae_jax.models.averages import _restarted, picked_vectors, tables_of
from vae_jax.models.kmeans import kmeans
from vae_jax.models.state import parted
from vae_jax.objectives import (
    codebook,
    commitment,
    mean_over_values,
    perplexity,
    sampled_rate,
    usage,
    weighted_sum,
)

H, W, D, B = 2, 3, 4, 6
X = np.random.default_rng(0).normal(size=(B, H, W, D)).astype(np.float32)
VAR = float(X.var())


def linear(log_scale=0.0, shape=(H, W, D)):
    """Features x A, and N(x | z B, sigma^2), of grids of vectors."""

    def init(key, x, c=None):
        return {"encoder": {"w": jnp.eye(D)}, "decoder": {"w": jnp.eye(D)}}

    def encode(params, x, c=None, key=None):
        return Delta(x @ params["encoder"]["w"])

    def decode(params, z, c=None, key=None):
        return Gaussian(z @ params["decoder"]["w"], jnp.array(log_scale))

    return VAE(init, encode, decode, lambda params, c=None, key=None: standard_gaussian(*shape))


def terms(scaled=lambda of: of):
    return [
        Term("distortion", distortion),
        Term("codebook", scaled(codebook)),
        Term("commitment", scaled(commitment), 0.25),
        Term("rate", rate, 0.0),
        Term("sampled", sampled_rate, 0.0),
        Term("perplexity", perplexity, 0.0),
        Term("usage", usage, 0.0),
    ]


def described(model, params, x, own=None):
    """Loss, Aux and gradient of a batch, of one program."""
    objective = weighted_sum(model, own or terms())
    learned = {name: group for name, group in params.items() if name != "state"}

    @jax.jit
    def run(learned, x):
        given = lambda own: objective({**params, **own}, jax.random.key(3), {"x": x}, 0)  # noqa: E731
        return jax.value_and_grad(given, has_aux=True)(learned)

    (loss, aux), gradient = run(learned, x)
    return loss, aux, gradient


LEARNED = with_codebook(linear(), 5, decay=None)
AVERAGED = with_codebook(linear(), 5)


def test_a_model_does_not_change_with_the_size_of_the_batch(key):
    """Nor does it in the other convention, nor with averages; the sums are over positions."""
    for model, own in ((LEARNED, terms()), (AVERAGED, terms(mean_over_values))):
        params = model.init(key, X[0])
        one, twice = (described(model, params, x, own) for x in (X, np.concatenate([X, X])))
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)  # noqa: E731
        jax.tree.map(close, one, twice)
    assert twice[1].state is not None


def test_the_terms_are_those_of_the_papers_code(key):
    """(x - x')^2 / Var + (sg(f) - e)^2 + (f - sg(e))^2 / 4, each a mean over all axes: the loss and
    its gradient, of sigma^2 = D Var / 2 and means over values, and of D Var / (2 P C) and sums,
    which are P C times as much."""
    size = H * W * D
    cases = [(size * VAR / 2, mean_over_values, 1.0), (VAR / 2, lambda of: of, float(size))]
    for sigma2, scaled, factor in cases:
        model = with_codebook(linear(0.5 * np.log(sigma2)), 5, decay=None)
        params = model.init(key, X[0])
        loss, aux, gradient = described(model, params, X, terms(scaled))

        def theirs(params):
            e, stop = params["codebook"]["codes"][0], jax.lax.stop_gradient
            f = X @ params["encoder"]["w"]
            index = jnp.argmin(((f[..., None, :] - e[None, None, None]) ** 2).sum(-1), axis=-1)
            z = e[index]
            made = (f + stop(z - f)) @ params["decoder"]["w"]
            own = jnp.mean((stop(f) - z) ** 2) + 0.25 * jnp.mean((f - stop(z)) ** 2)
            return jnp.mean((X - made) ** 2) / VAR + own

        value, expected = jax.jit(jax.value_and_grad(theirs))(params)
        constant = size / 2 * np.log(2 * np.pi * sigma2)
        np.testing.assert_allclose(loss - constant, factor * value, rtol=1e-4, atol=1e-4)
        close = lambda a, b, k=factor: np.testing.assert_allclose(a, k * b, rtol=1e-4, atol=1e-5)  # noqa: E731
        jax.tree.map(close, gradient, expected)
        np.testing.assert_allclose(aux.metrics["rate"], H * W * np.log(5), rtol=1e-6)
        np.testing.assert_allclose(aux.metrics["sampled"], H * W * np.log(5), rtol=1e-6)


def test_codes_that_follow_averages_are_not_descended_and_learned_ones_by_their_term(key):
    params = AVERAGED.init(key, X[0])
    with_term, without = (
        described(AVERAGED, params, X, own) for own in (terms(), [terms()[0], terms()[2]])
    )
    np.testing.assert_allclose(with_term[1].metrics["codebook"], with_term[1].metrics["commitment"])
    jax.tree.map(np.testing.assert_array_equal, with_term[2], without[2])  # reported, and no more
    params = LEARNED.init(key, X[0])
    assert set(params) == {"encoder", "decoder", "codebook"}
    _, aux, gradient = described(LEARNED, params, X, [terms()[1]])
    assert aux.state is None
    assert not gradient["encoder"]["w"].any()
    assert gradient["codebook"]["codes"].any()
    _, _, gradient = described(LEARNED, params, X, [terms()[0], terms()[2]])
    assert not gradient["codebook"]["codes"].any()


def test_no_code_flies_off(key):
    """Of 512 codes 5 are used for 2,000 steps: these come to their means, and the others stay."""
    model = with_codebook(linear(shape=(1, 1, D)), 512, decay=0.9)
    centres = 3 * np.random.default_rng(1).normal(size=(5, 1, 1, D)).astype(np.float32)
    params = model.init(key, centres[0])
    objective = weighted_sum(model, [Term("distortion", distortion), Term("used", usage)])

    def step(state, key):
        x = jnp.array(centres) + 0.01 * jax.random.normal(key, centres.shape)
        _, aux = objective({**params, "state": state}, key, {"x": x}, 0)
        return aux.state, aux.metrics["used"]

    keys = jax.random.split(key, 2000)
    state, used = jax.jit(lambda keys: jax.lax.scan(step, params["state"], keys))(keys)
    np.testing.assert_allclose(used[10:], 5 / 512, rtol=1e-6)
    first, last = (np.asarray(tables_of(s["codebook"])) for s in (params["state"], state))
    moved = np.linalg.norm(last - first, axis=-1)[0] > 1e-3
    assert 5 <= moved.sum() <= 10  # a code that another one displaced stays where it was by then
    assert np.linalg.norm(last, axis=-1).max() < 1.01 * np.linalg.norm(first, axis=-1).max() + 10
    np.testing.assert_allclose(last[0, ~moved], first[0, ~moved], rtol=1e-3)
    distance = np.linalg.norm(last[0] - centres.reshape(5, 1, D), axis=-1).min(axis=1)
    np.testing.assert_array_less(distance, 0.02)


def test_kmeans_finds_centres_that_lie_apart(key):
    centres = np.array([[0, 9], [9, 0], [-9, -9]], np.float32)
    vectors = np.repeat(centres, [30, 20, 10], axis=0) + 0.1 * np.random.default_rng(2).normal(
        size=(60, 2)
    ).astype(np.float32)
    keys = jax.random.split(key, 8)
    found = jax.tree.map(np.asarray, jax.vmap(lambda k: kmeans(k, jnp.array(vectors), 3))(keys))
    distance = np.linalg.norm(found.centres[:, :, None] - centres[None, None], axis=-1).min(1)
    best = distance.max(1).argmin()  # of eight minima, which are local ones
    assert distance[best].max() < 0.1
    np.testing.assert_allclose(np.sort(found.share[best]), [1 / 6, 1 / 3, 1 / 2], rtol=1e-6)
    assert kmeans(key, vectors[:2], 5).centres.shape == (5, 2)  # of fewer vectors than centres


@pytest.mark.parametrize("kind", ["groups", "stages"])
def test_the_first_step_makes_the_centres_and_codes_that_die_begin_anew(kind, key):
    how = {"kmeans": True, "restart": 0.05, "decay": 0.9}
    if kind == "groups":
        model = with_codebook(linear(), 8, groups=2, **how)
    else:
        model = with_residual_codes(linear(), 8, 2, **how)
    params = model.init(key, X[0])
    first, aux, _ = described(model, params, X)
    state = aux.state
    assert state["codebook"]["begun"] == 1
    second, aux, _ = described(model, {**params, "state": state}, X)
    assert aux.metrics["commitment"] < 0.5 * (X**2).sum() / B  # of 8 codes for 36 vectors
    assert second < first
    for name in ("counts", "sums"):  # at its centres each code stays
        np.testing.assert_allclose(aux.state["codebook"][name], state["codebook"][name], atol=0.05)
    book = state["codebook"]
    rare = {**book, "counts": book["counts"].at[:, 3].set(0.04 * H * W / 8)}
    _, aux, _ = described(model, {**params, "state": {"codebook": rare}}, X)
    counts = aux.state["codebook"]["counts"]
    np.testing.assert_allclose(counts[:, 3], rare["counts"].mean(1), rtol=1e-6)  # an equal share
    fresh = np.asarray(aux.state["codebook"]["sums"][:, 3] / counts[:, 3, None])
    there = X.reshape(-1, 2, D // 2)[:, 0] if kind == "groups" else X.reshape(-1, D)
    assert np.abs(there - fresh[0]).max(axis=1).min() < 1e-5  # one of the vectors


def test_cosine_codes_are_of_length_one_and_nearest_by_cosine(key):
    model = with_codebook(linear(), 7, cosine=True)
    params = model.init(key, X[0])
    first = tables_of(params["state"]["codebook"])
    np.testing.assert_allclose(np.linalg.norm(first, axis=-1), 1, rtol=1e-5)
    q = model.encode(params, X[0])
    np.testing.assert_allclose(np.linalg.norm(q.mean(), axis=-1), 1, rtol=1e-5)
    table = q.codes.codes[0] / np.linalg.norm(q.codes.codes[0], axis=1, keepdims=True)
    np.testing.assert_array_equal(q.index()[..., 0], np.argmax(X[0] @ table.T, axis=-1))
    assert np.isfinite(described(model, params, np.zeros_like(X))[0])  # of which no cosine is known


def test_groups_and_stages_are_what_they_say(key):
    tables = jax.random.normal(key, (2, 5, 2))
    f = X[0].reshape(-1, D)
    index = CodeTable(tables).nearest(f)
    for g, part in enumerate((f[:, :2], f[:, 2:])):
        expected = ((part[:, None] - tables[g][None]) ** 2).sum(-1).argmin(1)
        np.testing.assert_array_equal(index[:, g], expected)
    stages = ResidualCodes(jax.random.normal(key, (3, 16, D)) / jnp.array([1, 2, 4])[:, None, None])
    left = f
    for p, table in enumerate(np.asarray(stages.codes)):
        chosen = ((left[:, None] - table[None]) ** 2).sum(-1).argmin(1)
        np.testing.assert_array_equal(stages.nearest(f)[:, p], chosen)
        np.testing.assert_allclose(stages.inputs(f, stages.nearest(f))[:, p], left, atol=1e-5)
        left = left - table[chosen]
    np.testing.assert_allclose(f - stages.vectors(stages.nearest(f)).sum(1), left, atol=1e-5)


def test_the_rate_is_of_the_depth_in_use(key):
    """In training with dropout, and of a model cut to a depth."""
    model = with_residual_codes(linear(), 4, 3, dropout=1.0)
    params = model.init(key, X[0])
    nats = H * W * np.log(4)
    _, aux, gradient = described(model, params, np.tile(X, (20, 1, 1, 1)))
    np.testing.assert_allclose(aux.metrics["rate"], aux.metrics["sampled"], rtol=1e-5)
    used = aux.metrics["rate"] / nats
    assert abs(used - 2) < 4 * np.sqrt(2 / 3 / 120)  # evenly of 1, 2, 3
    assert np.isfinite(gradient["encoder"]["w"]).all()
    distortions = []
    for depth in (1, 2, 3):
        how = {"rate": sampled_rate if depth == 2 else rate}
        cut = at_depth(model, depth)
        bound = evaluate.elbos(cut, params, key, {"x": X}, **how)
        np.testing.assert_allclose(bound.rate, depth * nats, rtol=1e-6)
        distortions.append(bound.distortion)
    whole = evaluate.elbos(model, params, key, {"x": X})
    np.testing.assert_allclose(whole.distortion, distortions[2], rtol=1e-5)
    whole, two = (trace(m, params, key, X[0]) for m in (model, at_depth(model, 2)))
    assert whole.z.shape == (H, W, 3, D)
    np.testing.assert_array_equal(two.z, whole.z[..., :2, :])
    drawn = two.p.sample(key)
    assert drawn.shape == (H, W, 2, D)
    np.testing.assert_allclose([two.p.rate(), -two.p.log_prob(drawn)], 2 * nats, rtol=1e-6)
    with pytest.raises(ValueError, match="depth=4 is more than the 3 stages there are"):
        at_depth(model, 4).encode(params, X[0])
    other = model._replace(prior=lambda params, c=None, key=None: standard_gaussian(H, W, 3, D))
    with pytest.raises(TypeError, match=r"uniform prior.*a Gaussian.*at_depth\(model, 2\)"):
        at_depth(other, 2).prior(params)


def test_the_depth_is_drawn_evenly_of_as_many_examples_as_the_dropout_says(key):
    """Of half of them from 1 to 3, by which 3 stay whole."""
    model = with_residual_codes(linear(), 4, 3, dropout=0.5)
    params = model.init(key, X[0])
    depth = jax.jit(jax.vmap(lambda k: parted(model.encode(params, X[0], None, k)).made.codes.used))
    found = depth(jax.random.split(key, 4000))
    share = np.stack([found == number for number in (1, 2, 3)], axis=1).astype(float)
    assert np.all(np.abs(z_score(share, np.array([1, 1, 4]) / 6)) < 4.5)


def test_what_makes_no_codes_is_refused(key):
    with pytest.raises(ValueError, match=r"with decay=None they are learned: choose decay=0\.99"):
        with_codebook(linear(), 5, decay=None, restart=0.1)
    with pytest.raises(ValueError, match=r"restart must be in 0\.002 \.\. 1; got 2"):
        with_codebook(linear(), 5, restart=2.0)
    with pytest.raises(ValueError, match="groups=3 must divide the vectors, which are of D=4"):
        with_codebook(linear(), 5, groups=3).init(key, X[0])
    with pytest.raises(ValueError, match=r"dropout must be in 0 \.\. 1; got -1"):
        with_residual_codes(linear(), 5, 2, dropout=-1.0)
    params = AVERAGED.init(key, X[0])
    with pytest.raises(TypeError, match="evaluating a model from with_residual_codes"):
        at_depth(AVERAGED, 1).encode(params, X[0])


def test_what_begins_anew_and_the_centres_are_of_all_vectors_that_are_in_use(key):
    """Of a stage that few examples use, codes are not left over for it; of a large batch of maps
    the centres are not those of one column."""
    use = jnp.array([True, False, False, False])
    pool = jnp.where(use[:, None, None], 5.0, -7.0) * jnp.ones((4, 2, D))
    used = jnp.stack([jnp.ones(4, bool), use], axis=1)
    counts = jnp.array([[1.0, 1.0, 1.0, 0.001], [0.25, 0.25, 0.001, 0.25]])  # the last of 1/4
    entry = {"counts": counts, "sums": jnp.zeros((2, 4, D))}
    new = _restarted(entry, entry, key, pool, used, 0.05)
    np.testing.assert_allclose(new["sums"][1, 2] / new["counts"][1, 2], 5.0, rtol=1e-6)
    np.testing.assert_allclose(new["counts"][1, 2], counts[1].mean(), rtol=1e-6)
    np.testing.assert_array_equal(new["counts"][1, [0, 1, 3]], counts[1, [0, 1, 3]])
    positions = jnp.tile(jnp.arange(8.0), 8)  # columns of 8x8, of 512 maps
    picked = picked_vectors(key, jnp.tile(positions, 512)[:, None, None])
    assert len(picked) == 16_384
    assert set(np.unique(picked)) == set(range(8))
