"""A model, data and steps that the tests of `fit` share: compiled once, trained in milliseconds."""

import jax
import numpy as np
import optax
import pytest
from bits import assert_same_bits

from vae_jax import Player, alternate, averaged, descend, fit, standard_gaussian, vae, weighted_sum
from vae_jax.data import binarise
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

N, B = 23, 5
GREYS = np.random.default_rng(0).integers(0, 256, (N + 8, 6)).astype(np.uint8)
DATA = {"x": GREYS[:N]}
HELD_OUT = {"x": (GREYS[N:] > 127).astype(np.float32)}
PREPARE = binarise(255)
KEY = jax.random.key(3)

MODEL = vae(
    Network(MLP((4,)), GaussianHead((2,))),
    Network(MLP((4,)), BernoulliHead((6,))),
    standard_gaussian(2),
)
OBJECTIVE = weighted_sum(MODEL)
SCHEDULE = optax.cosine_decay_schedule(1e-1, 20)
STEP = descend(OBJECTIVE, optax.inject_hyperparams(optax.adam)(SCHEDULE))
STEPS = {
    "descend": STEP,
    "averaged": averaged(STEP, 0.9),
    "alternate": alternate(
        Player("inference", OBJECTIVE, ("encoder",), optax.adam(1e-2), updates=2),
        Player("model", OBJECTIVE, ("decoder",), optax.sgd(1e-2, momentum=0.9)),
    ),
}


def run(step=STEP, data=DATA, **options):
    """`fit` with what is the same in most tests."""
    defaults = {"key": KEY, "epochs": 4, "batch_size": B, "prepare": PREPARE}
    return fit(MODEL, step, data, **{**defaults, **options})


def after(epochs):
    """A `stop` that says so after so many epochs."""
    asked = []
    return lambda: asked.append(1) or len(asked) >= epochs


def peak_at(epoch):
    """A score that is best there."""
    return lambda row: -abs(row["epoch"] - epoch)


def timeless(rows):
    """Without what a clock says."""
    return [
        {name: value for name, value in row.items() if not name.startswith(("seconds", "examples"))}
        for row in rows
    ]


def assert_same_run(one, other):
    """All but the rows: a resumed run has only the later ones."""
    assert_same_bits(one.params, other.params)
    assert_same_bits(one.state, other.state)
    assert (one.progress, one.ended) == (other.progress, other.ended)


def refused(error, message, **options):
    with pytest.raises(error, match=message):
        run(**options)
