"""The config `text` with `lines`: sequences of several lengths, whose padding is nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import spelt

from vae_jax import Masked, evaluate
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.networks import NETWORKS
from vae_jax.generate import sample
from vae_jax.objectives import rate
from vae_jax.runs.baselines import baselines
from vae_jax.runs.scores import bits_per_dim

text = CONFIGS["text"]
WORDS = ["abc", "ab", "", "cabab", "b", "bacbac", "bb", "cab", "aacb", "a", "bca", "ccba"]
SMALL = Choices(likelihood="categorical", hidden=(3,))
# every network and every decoder that a text has, once
PAIRS = {
    "mlp": "independent",
    "gated": "wavenet",
    "gru": "gru",
    "lstm": "lstm",
    "transformer": "transformer",
}
OF_ENCODERS = {"encoder_width": 4, "encoder_layers": 1}
OF_DECODERS = {"decoder_width": 4, "word_dropout": 0.3}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "words.txt"
    path.write_text("\n".join(WORDS))
    return path


def made(path, network="mlp", decoder="independent", **options):
    own = OF_ENCODERS if network not in ("mlp", "gated") else {}
    own = own | (OF_DECODERS if decoder != "independent" else {})
    own = own | ({"decoder_layers": 1} if decoder == "transformer" else {})
    changes = {**vars(SMALL), "network": network, "decoder": decoder, **own}
    return text(data=path, length=5, latents=2, lines=True, choices=Choices(**changes), **options)


def filled(batch, padding):
    """The same lines with something else behind their ends."""
    return {**batch, "x": np.where(batch["x"] < 0, padding, batch["x"])}


def test_lines_of_a_file(path, tmp_path):
    experiment = made(path)
    loaded = experiment.examples.load()
    assert loaded.notes == (
        "words.txt: 10 lines of 1 to 5 characters, of which 3 are different. 1 longer lines were"
        " left out.",
    )
    both = [np.concatenate([loaded.train[name], loaded.test[name]]) for name in ("x", "c")]
    kept = sorted(word for word in WORDS if 1 <= len(word) <= 5)
    assert sorted(spelt(experiment, both[0], tmp_path)) == kept
    np.testing.assert_array_equal((both[0] >= 0).sum(axis=1), both[1])
    assert both[1].dtype == np.int32
    assert experiment.views.lengths == tuple(np.bincount(loaded.train["c"], minlength=6))
    assert experiment.examples.found == {
        "epochs": 250,
        "vocabulary": "abc",
        "lengths": experiment.views.lengths,
    }


def test_what_was_read_needs_no_file(path, tmp_path):
    found = made(path).examples.found
    assert made(tmp_path / "gone.txt", **found).views.lengths == found["lengths"]
    for given in ({"lengths": (1, 2)}, {"lines": False, "lengths": (0,) * 6}):
        with pytest.raises(ValueError, match=r"a number for each of 0 \.\. 5; got .*leave them"):
            text(data=path, length=5, **{"lines": True, **given})


def test_of_two_lines_none_can_be_held_out(tmp_path):
    (tmp_path / "two.txt").write_text("ab\nabc\n")
    with pytest.raises(ValueError, match=r"two.txt has 2 lines of 1 to 5 .* 3 or more are needed"):
        text(data=tmp_path / "two.txt", length=5, lines=True)


def test_every_row_of_a_text_is_tried():
    of_others = {"conv", "residual", "pixelcnn", "flow"}
    assert set(PAIRS) == set(NETWORKS) - of_others
    assert set(PAIRS.values()) == set(DECODERS) - of_others


@pytest.mark.parametrize(("network", "decoder"), PAIRS.items(), ids=PAIRS)
def test_what_stands_behind_the_end_changes_nothing(network, decoder, path):
    """To the bit: of a step of training, with its dropout, and of the bound; and draws and means
    say where their ends are."""
    experiment = made(path, network, decoder)
    train, model = experiment.examples.load().train, experiment.trained.model
    step = experiment.trained.step(lambda make, scale=1.0, updates=1: make(1e-2 * scale))
    key = jax.random.key(0)
    params = jax.jit(model.init)(key, train["x"][0], train["c"][0])
    state = step.init(key, params)

    @jax.jit
    def trained(batch):
        after, metrics = step.update(state, batch)
        bound = jax.vmap(lambda x, c: bound_of(model, params, x, c))(batch["x"], batch["c"])
        return after.params, metrics, bound

    def bound_of(model, params, x, c):
        q = model.encode(params, x, c)
        likelihood = model.decode(params, q.loc, c)
        assert isinstance(likelihood, Masked)
        return likelihood.log_prob(x), likelihood.in_support(x), likelihood.sample(key)

    first, *others = [trained(filled(train, padding)) for padding in (-1, 0, 2, 99)]
    for other in others:
        jax.tree.map(np.testing.assert_array_equal, first, other)
    log_lik, in_support, drawn = first[2]
    assert np.all(np.isfinite(log_lik) & in_support)
    np.testing.assert_array_equal(drawn >= 0, np.arange(5) < train["c"][:, None])
    changed = {**train, "x": np.where(train["x"] < 0, -1, (train["x"] + 1) % 3)}
    assert trained(changed)[1]["loss"] != first[1]["loss"]  # what is there is read


def test_bits_are_of_the_characters_that_are_there(path):
    """By float64 sums over the file; whatever stands behind the ends."""
    experiment = made(path)
    loaded, model = experiment.examples.load(), experiment.trained.model
    train, test = loaded.train, loaded.test
    assert bits_per_dim(experiment, test, -3.0) == {
        "bits_per_dim": pytest.approx(3.0 / test["c"].mean() / np.log(2))
    }
    params = model.init(jax.random.key(0), test["x"][0], test["c"][0])
    likelihood = model.decode(params, jnp.zeros(2), test["c"][0])
    found = baselines(experiment, loaded, likelihood)
    counts = np.array([[np.sum(column == k) + 1.0 for k in range(3)] for column in train["x"].T])
    log_p = np.log(counts / counts.sum(axis=1, keepdims=True))
    each = [[log_p[t, k] for t, k in enumerate(line) if k >= 0] for line in test["x"]]
    np.testing.assert_allclose(found["independent"], np.mean([sum(e) for e in each]), rtol=1e-6)
    np.testing.assert_allclose(found["uniform"], -test["c"].mean() * np.log(3), rtol=1e-6)
    other = loaded._replace(train=filled(train, 1), test=filled(test, 1))
    assert baselines(experiment, other, likelihood) == found


def test_the_decoder_is_told_the_length_and_refuses_none_that_is(path):
    experiment = made(path)
    model, test = experiment.trained.model, experiment.examples.load().test
    params = model.init(jax.random.key(0), test["x"][0], test["c"][0])
    logits = [model.decode(params, jnp.ones(2), c).distribution.logits for c in (2, 3)]
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
    drawn = sample(model, params, jax.random.key(1), 4, jnp.array([1, 5, 2, 5]))
    np.testing.assert_array_equal((drawn >= 0).sum(axis=1), [1, 5, 2, 5])
    with pytest.raises(ValueError, match=r"c\[1\] = 6: the networks take the labels 0 \.\. 5"):
        evaluate.check_conditions(model, params, {"x": test["x"][[0, 0]], "c": np.array([5, 6])})
    assert evaluate.elbos(model, params, jax.random.key(2), test, rate=rate).value.shape == (2,)
