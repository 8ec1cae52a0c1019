"""Decoders among the choices: values one after the other, or all together."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from vae_jax import Autoregressive
from vae_jax.configs.choices import Choices, Form, parts
from vae_jax.configs.choices.decoders import DECODERS
from vae_jax.configs.choices.table import chosen
from vae_jax.distributions import Flowed
from vae_jax.networks import CategoricalHead, one_hot

SMALL = Choices(hidden=(4,), channels=(2,))
IMAGE = Form((4, 4, 3), classes=3)
TEXT = Form((5,), classes=3, likelihoods=("categorical",))
SERIES = Form((5, 2), likelihoods=("gaussian",))
TABLE = Form((5,), likelihoods=("gaussian",))
X = {
    "gaussian": np.full((2, 4, 4, 3), 0.3, np.float32),
    "bernoulli": np.ones((2, 4, 4, 3), np.float32),
    "categorical": np.full((2, 4, 4, 3), 2, np.int32),
    "logistic_mixture": np.full((2, 4, 4, 3), 2, np.int32),
}


def built(form, x, **changes):
    """The parts, and a step from the first parameters: their, the next ones, metrics."""
    preprocess = one_hot(3) if form is TEXT else None
    one = parts(replace(SMALL, **changes), SMALL, form, 2, preprocess=preprocess)
    step = one.step(lambda make, scale=1.0, updates=1: make(1e-2 * scale))

    def update(key):
        params = one.model.init(key, x[0])
        state, metrics = step.update(step.init(key, params), {"x": x})
        return params, state.params, metrics

    return one, update


def made(form, x, **changes):
    """The likelihood of one z, after a step; of shapes alone."""
    one, update = built(form, x, **changes)
    params, after, metrics = jax.eval_shape(update, jax.random.key(0))
    assert metrics["loss"].shape == ()
    assert jax.tree.structure(params) == jax.tree.structure(after)
    made = jax.eval_shape(one.model.decode, params, np.zeros(2, np.float32))
    key = jax.eval_shape(jax.random.key, 0)
    drawn, log_p = jax.eval_shape(lambda p, key: p.sample_and_log_prob(key), made, key)
    assert drawn.shape == form.shape
    assert log_p.dtype == np.float32
    return made


NARROW = {"decoder_width": 4, "decoder_layers": 1}
STEPS = {
    "a series by a transformer": (
        SERIES,
        np.linspace(-1, 1, 20, dtype=np.float32).reshape(2, 5, 2),
        {"likelihood": "gaussian", "decoder": "transformer", **NARROW},
    ),
    "a text read by a gru, written by a wavenet": (
        TEXT,
        (np.arange(10, dtype=np.int32) % 3).reshape(2, 5),
        {
            "likelihood": "categorical",
            "network": "gru",
            "encoder_width": 4,
            "decoder": "wavenet",
            "decoder_width": 4,
            "word_dropout": 0.5,
        },
    ),
    "levels by a pixelcnn": (
        IMAGE,
        (np.arange(96, dtype=np.int32) % 3).reshape(2, 4, 4, 3),
        {"likelihood": "categorical", "decoder": "pixelcnn", **NARROW},
    ),
    "colours by a pixelcnn": (
        IMAGE,
        (np.arange(96, dtype=np.int32) % 3).reshape(2, 4, 4, 3),
        {"likelihood": "logistic_mixture", "logistics": 2, "decoder": "pixelcnn", **NARROW},
    ),
    "a row of numbers through flows": (
        TABLE,
        np.linspace(-1, 1, 10, dtype=np.float32).reshape(2, 5),
        {"likelihood": "gaussian", "decoder": "flow", "decoder_width": 4},
    ),
}


@pytest.mark.parametrize("case", STEPS)
def test_a_step_is_finite_and_moves_encoder_and_decoder(case):
    """In numbers, of which the shapes of the others know nothing."""
    form, x, changes = STEPS[case]
    _, update = built(form, x, **changes)
    params, after, metrics = jax.jit(update)(jax.random.key(0))
    assert np.isfinite(metrics["loss"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
    for group in ("encoder", "decoder"):
        moved = jax.tree.map(lambda a, b: np.any(a != b), params[group], after[group])
        assert any(jax.tree.leaves(moved))


@pytest.mark.parametrize("likelihood", ["gaussian", "full_gaussian", "laplace"])
def test_a_row_of_numbers_is_drawn_all_together(likelihood):
    form = TABLE._replace(likelihoods=(likelihood,))
    x = np.zeros((2, 5), np.float32)
    p = made(form, x, likelihood=likelihood, decoder="flow", decoder_width=4)
    assert isinstance(p, Flowed)


@pytest.mark.parametrize("decoder", ["transformer", "gru"])
def test_dropout_is_that_of_the_decoder_as_well(decoder):
    choices = replace(SMALL, decoder=decoder, dropout=0.3)
    head = chosen("decoder", DECODERS, choices, SMALL)(TEXT, CategoricalHead((5,), 3), one_hot(3))
    assert head.network.dropout == 0.3


@pytest.mark.parametrize(
    ("form", "decoder"), [(TEXT, "independent"), (TEXT, "wavenet"), (IMAGE, "pixelcnn")]
)
def test_dropout_of_the_bodies_goes_with_every_decoder(form, decoder):
    likelihood = "categorical" if form is TEXT else "bernoulli"
    assert parts(
        replace(SMALL, decoder=decoder, dropout=0.3, likelihood=likelihood), SMALL, form, 2
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("decoder", ["transformer", "wavenet", "gru", "lstm"])
@pytest.mark.parametrize(
    ("form", "x", "likelihood"),
    [
        (TEXT, np.zeros((2, 5), np.int32), "categorical"),
        (SERIES, np.zeros((2, 5, 2), np.float32), "gaussian"),
    ],
    ids=["text", "series"],
)
def test_text_and_series_are_drawn_one_after_the_other(decoder, form, x, likelihood, dtype):
    how = {"decoder": decoder, "decoder_width": 4, "word_dropout": 0.5, "dtype": dtype}
    p = made(form, x, likelihood=likelihood, **how)
    assert isinstance(p, Autoregressive)
    assert p.shape == form.shape
    assert p.axes == 1
    assert p.steps is not None  # without a key


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("likelihood", X)
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_pixels_are_drawn_one_after_the_other(likelihood, network, dtype):
    small = {"decoder": "pixelcnn", "decoder_width": 2, "decoder_layers": 1, "dtype": dtype}
    p = made(IMAGE, X[likelihood], likelihood=likelihood, network=network, **small)
    assert isinstance(p, Autoregressive)
    assert p.shape == IMAGE.shape
    assert p.axes == (2 if likelihood == "logistic_mixture" else 3)  # whose colours are together


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", ["gru", "lstm", "transformer"])
@pytest.mark.parametrize(
    ("form", "x", "likelihood"),
    [
        (TEXT, np.zeros((2, 5), np.int32), "categorical"),
        (SERIES, np.zeros((2, 5, 2), np.float32), "gaussian"),
    ],
    ids=["text", "series"],
)
def test_sequences_are_read_as_such(network, form, x, likelihood, dtype):
    how = {"network": network, "encoder_width": 4, "dtype": dtype, "decoder": "independent"}
    p = made(form, x, likelihood=likelihood, **how)
    parameter = p.loc if likelihood == "gaussian" else p.logits
    assert parameter.shape == ((5, 2) if likelihood == "gaussian" else (5, 3))


OF_TEXT = {"decoder": "transformer", "likelihood": "categorical"}
REFUSED = {
    "a table's pixels": (
        TABLE,
        {"decoder": "pixelcnn"},
        r"is for images \[H, W, C\], .* shape \[5\]: choose decoder='independent'",
    ),
    "a table's times": (
        TABLE,
        {"decoder": "wavenet"},
        r"texts \[T\], .* shape \[5\]: choose decoder='independent'",
    ),
    "an image's times": (
        IMAGE,
        {"decoder": "transformer"},
        r"texts \[T\], .* or, of images, decoder='pixelcnn'",
    ),
    "heads of other widths": (
        TEXT,
        {**OF_TEXT, "decoder_width": 6},
        "must be a multiple of decoder_heads; got 6 and 4",
    ),
    "no probability": (
        TEXT,
        {**OF_TEXT, "word_dropout": 1.5},
        "word_dropout must be in 0 .. 1; got 1.5",
    ),
    "no layer": (TEXT, {**OF_TEXT, "decoder_layers": 0}, "decoder_layers must be at least 1"),
    "another's option": (
        IMAGE,
        {"decoder": "pixelcnn", "word_dropout": 0.1},
        "of the decoder transformer or wavenet or gru or lstm, and the decoder is pixelcnn",
    ),
    "a table that is read": (
        TABLE,
        {"network": "gru"},
        r"network='gru' is for series .* shape \[5\]: choose network='mlp'",
    ),
    "a table that is read by another cell": (
        TABLE,
        {"network": "lstm"},
        r"network='lstm' is for series .* shape \[5\]: choose network='mlp'",
    ),
    "a table written by a cell": (
        TABLE,
        {"decoder": "lstm"},
        r"decoder='lstm' is for series .* shape \[5\]: choose decoder='independent'",
    ),
    "an image through flows": (
        IMAGE,
        {"decoder": "flow"},
        r"decoder='flow' is for rows of numbers \[D\].* shape \[4, 4, 3\]: choose decoder=",
    ),
    "classes alone through flows": (
        TABLE._replace(shape=(0,), beside=(3, 2)),
        {"decoder": "flow"},
        r"decoder='flow' is for rows of numbers \[D\].* shape \[0\]: choose decoder=",
    ),
    "counts through flows": (
        TABLE._replace(likelihoods=("poisson",)),
        {"decoder": "flow", "likelihood": "poisson"},
        "moves densities of all numbers: choose likelihood='gaussian', 'full_gaussian' or",
    ),
    "an image that is read": (
        IMAGE,
        {"network": "transformer"},
        r"network='transformer' is for series .* or, of images, network='conv'",
    ),
    "heads of other widths to read by": (
        TEXT,
        {"network": "transformer", "likelihood": "categorical", "encoder_width": 6},
        "encoder_width must be a multiple of encoder_heads; got 6 and 4",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_a_decoder_is_refused(case):
    form, changes, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        parts(replace(SMALL, **changes), SMALL, form, 2)
