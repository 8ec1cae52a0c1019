"""What `fit` refuses before the first step."""

import numpy as np
import optax
import pytest
from flax.errors import ScopeParamShapeError
from small import DATA, HELD_OUT, KEY, MODEL, OBJECTIVE, PREPARE, N, refused

from vae_jax import (
    Term,
    chain,
    descend,
    distortion,
    fit,
    importance_weighted,
    iwae_bound,
    sampled_rate,
    standard_gaussian,
    weighted_sum,
)
from vae_jax.networks import MLP, BernoulliHead, DeltaHead, GaussianHead, Network

FLOATS = {"x": (DATA["x"] > 127).astype(np.float32)}


def holed(at, value=np.nan):
    x = FLOATS["x"].copy()
    x[at] = value
    return {"x": x}


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, r"23 of 23 examples are outside the likelihood's support", {"prepare": None}),
        (ValueError, r"x\[7\], with values between 0 and 1\.", {"data": holed((7, 2), 0.5)}),
        (ValueError, "NaN", {"data": holed((7, 2))}),
        (ValueError, "NaN", {"data": holed(N - 1), "epochs": 1}),
        (ValueError, "inf", {"data": holed(0, np.inf)}),
        (ValueError, "one batch of 5: more examples", {"data": {"x": FLOATS["x"][:0]}}),
        (ValueError, "0 examples do not fill one batch of 5", {"data": []}),
        (ValueError, "23 examples do not fill one batch of 24", {"batch_size": 24}),
        (ValueError, "4 examples do not fill one", {"data": [{"x": x} for x in FLOATS["x"][:4]]}),
        (ValueError, "outside the likelihood's support", {"held_out": DATA}),
        (ValueError, "NaN", {"held_out": holed(3)}),
        (ValueError, "example", {"held_out": {"x": FLOATS["x"][:0]}}),
        (ValueError, r"leading axes \[22, 23\]", {"data": {**DATA, "c": np.arange(N - 1)}}),
        (TypeError, r'Data is a dict \{"x": examples\}', {"data": {"y": FLOATS["x"]}}),
        (ValueError, "patience needs held_out data and a score", {"patience": 2}),
        (ValueError, "patience needs", {"patience": 2, "held_out": HELD_OUT, "score": None}),
        (ValueError, "patience must be at least 1; got 0", {"patience": 0, "held_out": HELD_OUT}),
        (ValueError, "epochs must be at least 1; got 0", {"epochs": 0}),
        (ValueError, "epochs must be at least 1; got -3", {"epochs": -3}),
        (ValueError, "batch_size must be at least 1; got 0", {"batch_size": 0}),
        (ValueError, "evaluate_every must be at least 1; got -1", {"evaluate_every": -1}),
        (TypeError, "epochs must be a Python int", {"epochs": 2.5}),
    ],
)
def test_refused(tmp_path, error, message, options):
    """By name, and nothing is left behind."""
    defaults = {"data": FLOATS, "prepare": PREPARE if options.get("data") is None else None}
    if "data" not in options:
        defaults["data"] = DATA
    refused(error, message, **{**defaults, **options}, folder=tmp_path / "run")
    folder = tmp_path / "run"
    assert not folder.exists() or not list(folder.iterdir())


def test_keep_is_a_count(tmp_path):
    refused(ValueError, "keep must be at least 1; got 0", keep=0, folder=tmp_path)


def point_among(bottom, **options):
    """A model of two latents, z1 a point or not, in a short training."""
    above = [Network(MLP((4,)), bottom), Network(MLP((4,)), GaussianHead((2,)))]
    below = [Network(MLP((4,)), BernoulliHead((6,))), Network(MLP((4,)), GaussianHead((2,)))]
    model = chain(above, below, standard_gaussian(2))
    terms = [Term("distortion", distortion), Term("rate", sampled_rate)]
    step = descend(weighted_sum(model, terms), optax.adam(1e-3))
    given = {"key": KEY, "epochs": 1, "batch_size": 5, "prepare": PREPARE, "held_out": HELD_OUT}
    return fit(model, step, DATA, **given, **options)


def test_a_point_among_the_latents_has_no_bound():
    """It is named; without a bound it is trained, and without a point it has one."""
    with pytest.raises(ValueError, match=r"The posterior of z1 is a Delta, or has one .*rate=None"):
        point_among(DeltaHead((2,)), rate=sampled_rate)
    assert "distortion" in point_among(DeltaHead((2,)), rate=None).rows[-1]
    assert "elbo" in point_among(GaussianHead((2,)), rate=sampled_rate).rows[-1]


LABELLED = {**HELD_OUT, "c": np.arange(len(HELD_OUT["x"]))}
NARROW = {"x": HELD_OUT["x"][:, :5]}
UP = Network(MLP((4,)), GaussianHead((2,)))
CHAIN = chain([UP, UP], [Network(MLP((4,)), BernoulliHead((6,))), UP], standard_gaussian(2))
TIGHT = importance_weighted(CHAIN, iwae_bound(), num_draws=2)


@pytest.mark.parametrize(
    ("error", "message", "model", "objective", "held_out"),
    [
        (TypeError, "in the order .* no rate", CHAIN, TIGHT, HELD_OUT),
        (ValueError, "This network takes no condition", MODEL, OBJECTIVE, LABELLED),
        (ScopeParamShapeError, "kernel", MODEL, OBJECTIVE, NARROW),
        (TypeError, "no loss", MODEL, lambda *_: ("no loss", None), HELD_OUT),
    ],
)
def test_what_the_first_evaluation_or_step_would_raise_is_raised_before_any_epoch(
    monkeypatch, error, message, model, objective, held_out
):
    monkeypatch.setattr("vae_jax.train.loop.train_epoch", None)  # it is not called
    given = {"key": KEY, "epochs": 2, "batch_size": 5, "prepare": PREPARE, "held_out": held_out}
    with pytest.raises(error, match=message):
        fit(model, descend(objective, optax.adam(1e-3)), DATA, **given)
