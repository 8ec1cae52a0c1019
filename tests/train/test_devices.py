"""An epoch over several devices: what each of them does, and the numbers of one device.

Run as a script, with the CPU taken for eight devices, this file prints what the tests look at.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.benchmarks import devices as measured
from vae_jax import (
    Player,
    Term,
    alternate,
    descend,
    devices,
    importance_weighted,
    iwae_bound,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.data import binarise
from vae_jax.models import with_residual_codes
from vae_jax.networks import (
    MLP,
    BernoulliHead,
    ConvDecoder,
    ConvEncoder,
    DeltaHead,
    GaussianHead,
    Network,
    one_hot,
)
from vae_jax.objectives import commitment, distortion, free_bits, perplexity, rate, usage

DEVICES, B = 8, 64
GREYS = np.random.default_rng(0).integers(0, 256, (2 * B + 3, 8, 8, 1)).astype(np.uint8)
DATA = {"x": GREYS}
LABELS = {"c": np.arange(len(GREYS), dtype=np.int32) % 3}


def make_model(encoder=MLP((48,)), decoder=MLP((48,)), embed=None):  # noqa: B008
    return vae(
        Network(encoder, GaussianHead((2,)), embed=embed),
        Network(decoder, BernoulliHead((8, 8, 1)), embed=embed),
        standard_gaussian(2),
    )


MODEL = make_model()
PARAMS = MODEL.init(jax.random.key(0), GREYS[0])


def spread(d):
    """The variance over the batch of the posterior's mean: an example that asks for its batch."""
    loc = d.trace.q.loc
    return jnp.sum((loc - jax.lax.pmean(loc, "batch")) ** 2)


TERMS = [Term("distortion", distortion), Term("rate", rate), Term("spread", spread, -0.5)]
FREE = [*TERMS, Term("free_bits", free_bits(0.54))]  # between the rates of z at first
CODED = [*TERMS[:2], Term("commitment", commitment, 0.25)]
CODED += [Term("perplexity", perplexity, 0.0), Term("usage", usage, 0.0)]
ADAM = optax.adam(1e-2)


def make_codes():
    """Whose centres, averages and restarts are of the vectors of the whole batch."""
    points = vae(
        Network(MLP((16,)), DeltaHead((3, 2))),
        Network(MLP((16,)), BernoulliHead((8, 8, 1))),
        standard_gaussian(3, 2),
    )
    return with_residual_codes(points, 6, 2, dropout=0.5, restart=0.5, kmeans=True)


def in_turn(model):
    objective = weighted_sum(model)
    return alternate(
        Player("decoder", objective, ("decoder",), ADAM),
        Player("encoder", objective, ("encoder",), ADAM),
    )


def start(model, step, data, dtype):
    params = model.init(jax.random.key(0), *(data[name][0] for name in ("x", "c") if name in data))
    return step.init(jax.random.key(1), jax.tree.map(lambda leaf: leaf.astype(dtype), params))


def compared(model, step, data=DATA, scan=True, dtype=jnp.float32):
    """Two epochs on one device and on eight: how far apart they end, and where."""
    ends = []
    for number in (1, DEVICES):
        state, how = start(model, step, data, dtype), {"scan": scan, "prepare": binarise(255)}
        with devices.only(number):
            for _ in range(2):
                given = state
                state, metrics = train_epoch(step, given, data, batch_size=B, **how)
        ends.append((state, metrics))
    (one, _), (other, metrics) = ends
    leaves = jax.tree.leaves((other, metrics))
    return {
        "parameters": measured.difference(one.params, other.params),
        "metrics": measured.difference(ends[0][1], metrics),
        "everywhere": all(leaf.sharding.is_fully_replicated for leaf in leaves),
        "devices": min(leaf.sharding.num_devices for leaf in leaves),
        "donated": given.step.is_deleted(),
    }


def counted(objective, count, steps=2):
    step, data = descend(objective, ADAM), {"x": GREYS[: steps * B]}
    state = start(MODEL, step, data, jnp.float32)
    with devices.only(count):
        return measured.counted(measured.compile_epoch(step, state, data, B))


@pytest.fixture(scope="module")
def found():
    return json.loads(measured.with_devices(DEVICES, __file__))


def test_each_device_does_its_part(found):
    """An eighth of the operations, and what all do: the descent itself, some 4 % of this batch's.

    Equal numbers would not tell: they are so too where each device does the whole batch.
    """
    counts = found["counted"]
    share = counts["eight"]["operations"] / counts["one"]["operations"]
    assert 1 / DEVICES < share < 1.15 / DEVICES
    # A loop's body counts once, however many steps.
    assert counts["one"]["operations"] == pytest.approx(
        counts["one, fewer steps"]["operations"], rel=0.01
    )


def test_the_gradients_meet_in_one_sum(found):
    """And the loss and the bound, which differ by their sign; nothing else is told."""
    assert found["counted"]["one"]["collectives"] == {}
    expected = {"all-reduce": {"count": 1, "bytes": found["gradient"] + 4}}
    assert found["counted"]["eight"]["collectives"] == expected


def test_a_mean_over_the_batch_is_two_sums_more(found):
    """Of two numbers going forward, and of two going back; and four metrics with the gradient."""
    expected = {"all-reduce": {"count": 3, "bytes": found["gradient"] + 2 * 8 + 3 * 4}}
    assert found["counted"]["eight, batch means"]["collectives"] == expected


@pytest.mark.parametrize(
    ("case", "tolerance"),
    [
        ("one by one", 1e-4),
        ("in turn", 1e-4),
        ("batch means, float64", 1e-12),
        ("codes, float64", 1e-12),
    ],
)
def test_the_numbers_are_those_of_one_device(found, case, tolerance):
    """Relative to the largest of an array, after four steps of adam of 1e-2."""
    compared = found["compared"][case]
    assert compared["parameters"] < tolerance
    assert compared["metrics"] < tolerance
    assert compared["everywhere"]
    assert compared["devices"] == DEVICES
    assert compared["donated"]


def main():
    """Everything that takes eight devices."""
    five = importance_weighted(MODEL, iwae_bound(), num_draws=5)
    of_batch = weighted_sum(MODEL, TERMS)
    labelled = make_model(embed=one_hot(3))
    conv = make_model(ConvEncoder((2,)), ConvDecoder((8, 8), (2,)))
    with jax.enable_x64(True):
        double = compared(MODEL, descend(weighted_sum(MODEL, FREE), ADAM), dtype=jnp.float64)
        codes = make_codes()
        coded = compared(codes, descend(weighted_sum(codes, CODED), ADAM), dtype=jnp.float64)
    found = {
        "counted": {
            "one": counted(five, 1),
            "one, fewer steps": counted(five, 1, steps=1),
            "eight": counted(five, DEVICES),
            "eight, batch means": counted(of_batch, DEVICES),
        },
        "compared": {
            "one by one": compared(
                labelled, descend(weighted_sum(labelled), ADAM), {**DATA, **LABELS}, scan=False
            ),
            "in turn": compared(conv, in_turn(conv)),
            "batch means, float64": double,
            "codes, float64": coded,
        },
        "gradient": sum(leaf.nbytes for leaf in jax.tree.leaves(PARAMS)),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
