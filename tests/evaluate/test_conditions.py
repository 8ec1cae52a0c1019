"""Conditions that the networks do not take are refused, by name, and nothing else is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from vae_jax import descend, evaluate, fit, generate, standard_gaussian, vae, weighted_sum
from vae_jax.evaluate.conditions import num_labels
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    FixedScale,
    GaussianHead,
    Network,
    one_hot,
)
from vae_jax.train import NotFiniteError

N, K = 24, 10
X = (np.random.default_rng(0).random((N, 5)) < 0.4).astype(np.float32)
C = (np.arange(N) % K).astype(np.int32)
KEY = jax.random.key(0)


def make(embed, decoder_embed=None):
    """The scale is fixed: log q of a draw knows nothing of a loc that is NaN."""
    encoder = Network(MLP((4,)), GaussianHead((2,), FixedScale(0.0)), embed)
    decoder = Network(MLP((4,)), BernoulliHead((5,)), decoder_embed or embed)
    return vae(encoder, decoder, standard_gaussian(2))


EMBEDS = {
    "one_hot": one_hot(K),
    "missing": one_hot(K, missing=True),
    "table": nn.Embed(K, 3),
    "vector": lambda c: c,
}
MODELS = {name: make(embed) for name, embed in EMBEDS.items()}


def put(value, at=20, dtype=None):
    c = C.astype(dtype or np.result_type(C, type(value)))
    c[at] = value
    return c


def trained(model, c, **options):
    step = descend(weighted_sum(model), optax.adam(1e-3))
    given = {"key": KEY, "epochs": 1, "batch_size": 8, **options}
    return fit(model, step, {"x": X, "c": c}, **given)


RANGE = r": the networks take the labels 0 \.\. 9"
FROM_0 = RANGE + r"\. Number the classes from 0.*one_hot\(K\), nn\.Embed\(K, features\)"
DECLARED = r"c\[20\] = -1" + RANGE + r", and a missing one where embed=one_hot\(10, missing=True\)"
REFUSED = {
    "missing": ("one_hot", put(-1), DECLARED),
    "missing, of a table": ("table", put(-1), DECLARED),
    "missing, as a float": ("one_hot", put(-1.0), DECLARED),
    "from 1": ("one_hot", C + 1, r"c\[9\] = 10" + FROM_0),
    "a byte": ("one_hot", put(255, dtype=np.uint8), r"c\[20\] = 255" + FROM_0),
    "beyond a table": ("table", put(12), r"c\[20\] = 12" + FROM_0),
    "below the missing one": ("missing", put(-2), r"c\[20\] = -2" + FROM_0),
    "beyond, one may be missing": ("missing", put(10), r"c\[20\] = 10" + FROM_0),
    "a fraction": ("one_hot", put(7.4), r"c\[20\] = 7\.4" + FROM_0),
    "NaN": ("one_hot", put(np.nan), r"c\[20\] = nan" + FROM_0),
}
each = pytest.mark.parametrize(("name", "c", "message"), REFUSED.values(), ids=REFUSED)


@each
def test_fit_refuses_labels(name, c, message):
    """At the door, and not as numbers that are not finite."""
    with pytest.raises(ValueError, match=message) as caught:
        trained(MODELS[name], c)
    assert not isinstance(caught.value, NotFiniteError)


@each
def test_scores_refuse_labels(name, c, message):
    params = MODELS[name].init(KEY, X[0], C[0])
    with pytest.raises(ValueError, match=message):
        evaluate.elbos(MODELS[name], params, KEY, {"x": X, "c": c})


@pytest.mark.parametrize(
    ("name", "c"),
    [
        ("one_hot", C),
        ("one_hot", C.astype(np.uint8)),
        ("one_hot", C.astype(np.float32)),
        ("one_hot", C % 2 == 1),
        ("missing", put(-1)),
        ("missing", np.full(N, -1)),
        ("table", C),
        ("vector", np.eye(K, dtype=np.float32)[C]),
    ],
)
def test_what_the_networks_take_is_trained_on(name, c):
    assert np.isfinite(trained(MODELS[name], c).rows[0]["loss"])


def test_held_out_labels_are_looked_at():
    with pytest.raises(ValueError, match=DECLARED):
        trained(MODELS["one_hot"], C, held_out={"x": X, "c": put(-1)})


def test_all_labels_are_looked_at():
    """The last of more than a thousand."""
    x, c = np.resize(X, (1300, 5)), np.resize(C, 1300)
    c[1299] = 10
    model = MODELS["one_hot"]
    with pytest.raises(ValueError, match=r"c\[1299\] = 10"):
        fit(
            model,
            descend(weighted_sum(model), optax.adam(1e-3)),
            {"x": x, "c": c},
            key=KEY,
            epochs=1,
            batch_size=100,
        )


def test_labels_are_looked_at_as_they_are_prepared():
    def counted_from_1(key, example):
        return {**example, "c": example["c"] - 1}

    assert trained(MODELS["one_hot"], C + 1, prepare=counted_from_1).ended == "finished"
    with pytest.raises(ValueError, match=r"c\[0\] = -1"):
        trained(MODELS["one_hot"], C, prepare=counted_from_1)


def test_a_label_that_the_decoder_alone_does_not_take():
    with pytest.raises(ValueError, match=r"c\[5\] = 5: the networks take the labels 0 \.\. 4"):
        trained(make(one_hot(K), nn.Embed(5, 2)), C)


def test_a_spoilt_vector_is_named():
    vectors = np.eye(K, dtype=np.float32)[C]
    vectors[21, 4] = np.nan
    with pytest.raises(ValueError, match=r"c\[21\], with values between nan and nan, makes NaN"):
        trained(MODELS["vector"], vectors)
    several = np.stack([C, C], axis=1) % 3
    several[22, 1] = 3
    model = make(lambda c: jnp.ravel(one_hot(3)(c)))
    with pytest.raises(ValueError, match=r"c\[22\], with values between 2 and 3, makes NaN"):
        trained(model, several)


def test_a_condition_may_hold_nan_where_the_networks_say_so():
    vectors = np.eye(K, dtype=np.float32)[C]
    vectors[21, 4] = np.nan
    assert trained(make(jnp.nan_to_num), vectors).ended == "finished"


def test_labels_are_not_blamed_for_what_is_not_theirs():
    """Parameters that are NaN give NaN with any label."""
    model = MODELS["one_hot"]
    params = jax.tree.map(lambda leaf: leaf * np.nan, model.init(KEY, X[0], C[0]))
    evaluate.check_conditions(model, params, {"x": X, "c": put(12)})


@pytest.mark.parametrize(("embed", "number"), [(one_hot(3), 3), (nn.Embed(7, 2), 7)])
def test_how_many_labels_there_are_is_tried(embed, number):
    model = make(embed)
    params = model.init(KEY, X[0], C[0])
    assert num_labels(model, params, {"x": X[0], "c": C[0]}) == number


def test_one_hot_rows_where_labels_are_due():
    with pytest.raises(ValueError, match=r"of shape \(10, 10\).*one already, embed=lambda c: c"):
        trained(MODELS["one_hot"], np.eye(K, dtype=np.float32)[C])


def test_a_lone_label_is_told_what_to_do():
    model = MODELS["one_hot"]
    with pytest.raises(ValueError, match=r"one entry for each example; .*np\.full\(N, label\)"):
        trained(model, 7)
    params = model.init(KEY, X[0], C[0])
    for c in (7, jnp.arange(3)):
        with pytest.raises(ValueError, match=r"one condition for each of 4 .*jnp\.full\(4, label"):
            generate.sample(model, params, KEY, 4, c)
        with pytest.raises(ValueError, match=r"one condition for each of 4 examples"):
            generate.reconstruct(model, params, KEY, X[:4], c)
