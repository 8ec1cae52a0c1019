"""Functions with other arguments than they will be given are refused in words, where they are
taken."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import (
    Layered,
    Player,
    Term,
    alternate,
    data,
    descend,
    elbo,
    evaluate,
    fit,
    generate,
    models,
    over_batch,
    penalty,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.calls import check_takes
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network

X = (np.random.default_rng(0).random((6, 5)) < 0.4).astype(np.float32)
KEY = jax.random.key(0)
ENCODER = Network(MLP((4,)), GaussianHead((2,)))
DECODER = Network(MLP((4,)), BernoulliHead((5,)))
MODEL = vae(ENCODER, DECODER, standard_gaussian(2))
STEP = descend(weighted_sum(MODEL), optax.adam(1e-3))


def none():
    """Of no argument: wrong wherever there is one."""


def three(first, second, third):
    """Of the arguments of an older version, say."""


def started():
    params = MODEL.init(KEY, X[0])
    return params, STEP.init(KEY, params)


def fitted(**options):
    given = {"key": KEY, "epochs": 1, "batch_size": 3, "held_out": {"x": X}, **options}
    return fit(MODEL, STEP, {"x": X}, **given)


def embedded(**options):
    return Network(MLP((4,)), GaussianHead((2,)), **options).init(KEY, X[0], 1)


DRAW = r"A Draw d has the fields trace, x, c, params, key, step\."
REFUSED = {
    "term": (
        lambda: weighted_sum(MODEL, [Term("old", lambda trace, x: 0.0)]),
        rf"The value of the term 'old' is called with \(d\); .*\(trace, x\) takes others\. {DRAW}",
    ),
    "evaluated term": (
        lambda: evaluate.terms(MODEL, started()[0], KEY, {"x": X}, [Term("old", three)]),
        r"The value of the term 'old' .*three\(first, second, third\) takes others",
    ),
    "no function": (
        lambda: weighted_sum(MODEL, [Term("number", 3.0)]),
        r"The value of the term 'number' is called with \(d\); got float 3\.0\. A Draw",
    ),
    "schedule": (
        lambda: weighted_sum(MODEL, [Term("t", lambda d: 0.0, none)]),
        r"The schedule of the term 't' is called with \(step\); none\(\) takes others",
    ),
    "penalty": (
        lambda: penalty("decay", three),
        r"The penalty 'decay' is called with \(params\); three",
    ),
    "objective": (
        lambda: descend(three, optax.adam(1e-3)),
        r"The objective is called with \(params, key, batch, step\); three",
    ),
    "player": (
        lambda: alternate(Player("one", three, ("encoder",), optax.adam(1e-3))),
        r"The objective of one is called with \(params, key, batch, step\); three",
    ),
    "example": (
        lambda: over_batch(three, MODEL, started()[0], KEY, {"x": X}),
        r"The example of over_batch is called with \(params, key, x, c\); three",
    ),
    "prepare": (
        lambda: train_epoch(STEP, started()[1], {"x": X}, batch_size=3, prepare=lambda x: x),
        r'prepare is called with \(key, example\); .*\(x\) takes others\. An example is \{"x"',
    ),
    "prepare_fixed": (
        lambda: data.prepare_fixed(three, KEY, {"x": X}),
        r"prepare is called with \(key, example\); three",
    ),
    "prepare of fit": (lambda: fitted(prepare=three), r"prepare is called with \(key, example\)"),
    "report": (lambda: fitted(report=none), r"report is called with \(row, params\); none\(\)"),
    "stop": (lambda: fitted(stop=three), r"stop is called with \(\); three"),
    "score": (lambda: fitted(score=three), r"score is called with \(row\); three"),
    "rate": (lambda: fitted(rate=three), r"rate is called with \(d\); three.*as a term is"),
    "embed": (lambda: embedded(embed=three), r"embed is called with \(c\); three"),
    "preprocess": (lambda: embedded(preprocess=none), r"preprocess is called with \(x\); none"),
    "group": (
        lambda: vae(ENCODER, DECODER, standard_gaussian(2), groups={"critic": three}),
        r"The group 'critic' is called with \(key, x, c, z\); three",
    ),
    "inputs": (
        lambda: models.with_vamp_prior(MODEL, three),
        r"inputs is called with \(key, x\); three",
    ),
    "program": (
        lambda: Layered(None, three).sample(KEY),
        r"The program of a Layered is called with \(given, draw\); three",
    ),
    "path": (
        lambda: generate.interpolate(MODEL, started()[0], X[0, :2], X[0, :2], 3, path=none),
        r"path is called with \(start, end, t\); none",
    ),
    "encode": (
        lambda: elbo(KEY, jnp.zeros(5), three, three, standard_gaussian(2)),
        r"encode is called with \(x\); three",
    ),
    "decode": (
        lambda: elbo(
            KEY, jnp.zeros(5), lambda x: standard_gaussian(2), three, standard_gaussian(2)
        ),
        r"decode is called with \(z\); three",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_other_arguments_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


class Callable:
    def __call__(self, x, more=0):
        return x


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda *args: args,
        lambda x, more=0: x,
        functools.partial(three, second=0, third=0),
        jax.jit(lambda x: x),
        Callable(),
        jnp.ravel,
        np.exp,  # has no signature, and is believed
        dict,
        ENCODER,
    ],
)
def test_what_can_be_called_is_taken(f):
    check_takes("f", f, "x")
