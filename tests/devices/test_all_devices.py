"""Everything that takes a batch, on all devices and on one: what each does, and the same numbers.

Run as a script, with the CPU taken for four devices, this file prints what the tests look at.
"""

import contextlib
import functools
import importlib
import io
import json
import sys
import tempfile
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from experiments.benchmarks import devices as measured
from vae_jax import (
    Term,
    batches,
    descend,
    devices,
    evaluate,
    fit,
    generate,
    standard_gaussian,
    stream_epoch,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.checkpoint import Checkpoints
from vae_jax.cli.train import main as train
from vae_jax.data import binarise
from vae_jax.evaluate import information
from vae_jax.models import with_riemannian_hamiltonian
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, MetricHead, Network
from vae_jax.objectives import distortion
from vae_jax.train import epochs, fit_seeds, seeds_epoch, streams

MEMBERS = importlib.import_module("vae_jax.train.members")  # behind the function of its name
DEVICES, B = 4, 64
KEY, PREPARE = jax.random.key(3), binarise(255)
GREYS = np.random.default_rng(0).integers(0, 256, (3 * B, 64)).astype(np.uint8)
DATA = {"x": GREYS[: 2 * B]}
TEST = {"x": (GREYS[-21:] > 127).astype(np.float32)}  # 21: no multiple of four
MODEL = vae(
    Network(MLP((48,)), GaussianHead((2,))),
    Network(MLP((48,)), BernoulliHead((64,))),
    standard_gaussian(2),
)
STEP = descend(weighted_sum(MODEL), optax.adam(1e-2))


@functools.cache
def params():
    return MODEL.init(jax.random.key(0), TEST["x"][0])


def state():
    return STEP.init(jax.random.key(1), params())


class Recorded:
    """A jitted function: how many operations one device does in each of its programs."""

    def __init__(self, function):
        self.function, self.lower = function, function.lower
        self.operations, self.collectives, self.results, self.bytes = [], [], [], []

    def __call__(self, *args):
        if not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(args)):
            compiled = self.function.lower(*args).compile()
            counted = measured.counted(compiled)
            self.bytes.append(compiled.memory_analysis().argument_size_in_bytes)
            self.operations.append(counted["operations"])
            self.collectives.append(counted["collectives"])
        self.results.append(self.function(*args))
        return self.results[-1]


@contextlib.contextmanager
def recorded(module, name):
    """Of the function of a module, while within."""
    before = getattr(module, name)
    setattr(module, name, Recorded(before))
    try:
        yield getattr(module, name)
    finally:
        setattr(module, name, before)


def trained(data=DATA, **options):
    """`fit`, and its programs."""
    given = {"key": KEY, "epochs": 2, "batch_size": B, "prepare": PREPARE, **options}
    with recorded(epochs, "scanned_epoch") as programs:
        fitted = fit(MODEL, STEP, data, **given)
    return fitted, programs


def numbers(fitted):
    """Parameters, and the rows but for what a clock says."""
    timed = ("data", "seconds", "examples_per_second")
    return fitted.params, [[row[n] for n in row if n not in timed] for row in fitted.rows]


def apart(one, other):
    """The largest difference, relative to the largest number of an array."""
    one, other = (jax.tree.map(np.atleast_1d, tree) for tree in (one, other))
    return measured.difference(one, other)


def of_fit():
    """Of data on the host, copied to every device, and divided among them."""
    with devices.only(1):
        one, alone = trained(held_out=TEST)
    found = {}
    mesh = jax.make_mesh((DEVICES,), ("mine",), axis_types=(AxisType.Explicit,))
    for name, data in {
        "host": DATA,
        "copied": jax.device_put(DATA, NamedSharding(mesh, PartitionSpec())),
        "divided": devices.divided(DATA),
        "divided, explicit": jax.device_put(DATA, NamedSharding(mesh, PartitionSpec("mine"))),
    }.items():
        before = epochs.scanned_epoch._cache_size()
        fitted, programs = trained(data, held_out=TEST)
        found[name] = {
            "programs": epochs.scanned_epoch._cache_size() - before,
            "share": programs.operations[-1] / alone.operations[-1],
            "collectives": programs.collectives[-1],
            "bytes": programs.bytes[-1],
            "apart": apart(numbers(one), numbers(fitted)),
            "copies": all(leaf.is_fully_replicated for leaf in jax.tree.leaves(fitted.state)),
            "devices": len(fitted.state.step.devices()),
        }
    return found


def of_streams():
    """An epoch of a source: the bits of data in memory, and a quarter of the operations."""
    source = [{"x": x} for x in DATA["x"]]
    with devices.only(1), recorded(streams, "compiled_step") as alone:
        stream_epoch(STEP, state(), source, batch_size=B, prepare=PREPARE)
    with recorded(streams, "compiled_step") as programs:
        streamed, _ = stream_epoch(STEP, state(), source, batch_size=B, prepare=PREPARE)
    kept, _ = train_epoch(STEP, state(), DATA, batch_size=B, prepare=PREPARE, scan=False)
    return {
        "share": programs.operations[-1] / alone.operations[-1],
        "apart": apart(kept.params, streamed.params),
    }


def pooled(d):
    return d.trace.z.sum() - jax.lax.pmean(d.trace.z.sum(), "batch")


METRIC = with_riemannian_hamiltonian(
    MODEL, 3, Network(MLP((4,)), MetricHead(2)), lambda key, x: TEST["x"][:5], least=0.3
)


@functools.cache
def metric_params():
    return METRIC.init(jax.random.key(0), TEST["x"][0])


def by_metric(key, number):
    return generate.sample_by_metric(METRIC, metric_params(), key, number, chain=2, leapfrog=2)


TERMS = [Term("distortion", distortion), Term("pooled", pooled)]
EVALUATIONS = {
    "elbos": lambda *given: evaluate.elbos(*given, TEST, batch_size=10),
    "log_likelihoods": lambda *given: evaluate.log_likelihoods(
        *given, TEST, num_samples=20, chunk_size=5, batch_size=10
    ),
    "mutual_information": lambda *given: evaluate.mutual_information(
        *given, TEST, num_samples=3, batch_size=10
    ),
    "active_units": lambda *given: evaluate.active_units(*given, TEST, num_samples=4)["z"].variance,
    "embeddings": lambda *given: evaluate.embeddings(*given, TEST),
    "terms": lambda *given: evaluate.terms(*given, TEST, TERMS, batch_size=16),
    "sample": lambda *given: generate.sample(*given, 21),
    "reconstruct": lambda *given: generate.reconstruct(*given, TEST["x"]),
    "sample_by_metric": lambda model, params, key: by_metric(key, 21),
}


def of_evaluations():
    """On one device, and on four: how far apart."""
    found = {}
    for name, evaluation in EVALUATIONS.items():
        with devices.only(1):
            one = evaluation(MODEL, params(), KEY)
        found[name] = apart(one, evaluation(MODEL, params(), KEY))
    return found


def of_their_operations():
    """Of one device of four, over those of one alone, where both have batches of 64."""
    test = {"x": np.resize(TEST["x"], (B, 64))}
    calls = {
        "elbos": lambda: evaluate.elbos(MODEL, params(), KEY, test),
        "log_likelihoods": lambda: evaluate.log_likelihoods(
            *(MODEL, params(), KEY, test), num_samples=5, batch_size=B
        ),
        "sample": lambda: generate.sample(MODEL, params(), KEY, B),
        "sample_by_metric": lambda: by_metric(KEY, B),
    }
    shares = {}
    for name, call in calls.items():
        counts = []
        for number in (1, DEVICES):
            with devices.only(number), recording_needs() as operations:
                call()
            counts.append(operations[-1])
        shares[name] = counts[1] / counts[0]
    return shares


def of_pairs():
    """The program of mutual information that has its pairs: the parts of its draws, and what the
    devices tell each other."""
    with recorded(information, "_add_on_each") as programs:
        evaluate.mutual_information(MODEL, params(), KEY, TEST, num_samples=3)
    sums = programs.results[-1]
    parts = [list(shard.data.shape) for shard in sums.addressable_shards]
    return {"shape": list(sums.shape), "parts": parts, "collectives": programs.collectives[-1]}


@contextlib.contextmanager
def recording_needs():
    """The operations of the programs whose memory is asked for."""
    operations, before = [], batches.bytes_needed

    def asked(program, *args):
        operations.append(measured.counted(program.lower(*args).compile())["operations"])
        return before(program, *args)

    batches.bytes_needed = asked
    try:
        yield operations
    finally:
        batches.bytes_needed = before


def of_seeds():
    """Two seeds at once."""
    ends, operations = [], []
    for number in (1, DEVICES):
        keys = jax.random.split(jax.random.key(5), 2)
        states = jax.vmap(lambda key: STEP.init(key, params()))(keys)
        with devices.only(number), recorded(MEMBERS, "_seeds_epoch") as programs:
            states, _ = seeds_epoch(STEP, states, DATA, batch_size=B, prepare=PREPARE)
        ends.append(states.params)
        operations.append(programs.operations[-1])
    return {"apart": apart(*ends), "share": operations[1] / operations[0]}


def of_fitted_seeds():
    """The same by `fit_seeds`, each with its rows."""
    ends, given = [], {"epochs": 2, "batch_size": B, "prepare": PREPARE, "held_out": TEST}
    for number in (1, DEVICES):
        with devices.only(number):
            fitted = fit_seeds(MODEL, STEP, DATA, keys=jax.random.split(KEY, 2), **given)
        ends.append([numbers(one) for one in fitted])
    return {"apart": apart(*ends), "devices": [len(one.state.step.devices()) for one in fitted]}


def of_checkpoints(folder):
    """Two epochs on four devices, one more, one on three (of which two divide the batch), one on
    one."""
    with devices.only(1):
        whole, _ = trained(epochs=5, held_out=TEST)
    longer, _ = trained(epochs=3, held_out=TEST)
    rows = []
    for number, upto in ((DEVICES, 2), (DEVICES, 3), (3, 4), (1, 5)):
        with devices.only(number), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted, _ = trained(epochs=upto, held_out=TEST, folder=folder, resume=True)
        if upto == 3:
            same = _bits(fitted.state) == _bits(longer.state)
        rows += fitted.rows
    with Checkpoints(folder, write=False) as checkpoints:
        there = devices.everywhere(state(), devices.of_all())
        loaded = checkpoints.load(5, there).state
        plain = checkpoints.load(5, jax.eval_shape(state)).state
    return {
        "same": same,
        "apart": apart(numbers(whole), (fitted.params, numbers(fitted._replace(rows=rows))[1])),
        "read to all": sorted({len(leaf.devices()) for leaf in jax.tree.leaves(loaded)}),
        "read to one": sorted({len(leaf.devices()) for leaf in jax.tree.leaves(plain)}),
        "equal": apart(loaded.params, plain.params),
    }


def _bits(tree):
    return [np.asarray(raw(leaf)).tobytes() for leaf in jax.tree.leaves(tree)]


def raw(leaf):
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf


def of_idle_devices():
    """A batch of 21, which four do not divide."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            fitted, _ = trained(batch_size=21)
    return {
        "said": [str(one.message) for one in said],
        "used": len(fitted.state.step.devices()),
        "count": devices.dividing(21),
    }


def of_refusals():
    def refusal(call, *args):
        try:
            call(*args)
        except ValueError as error:
            return str(error)
        return None

    def with_a_batch_of_21():
        return trained(devices.divided(DATA), batch_size=21)

    return {
        "divided": refusal(devices.divided, {"x": GREYS[:21]}),
        "batch": refusal(with_a_batch_of_21),
    }


def of_the_default_device():
    """That of `jax.default_device`, if there is one."""
    with jax.default_device(jax.devices()[3]):
        fitted, _ = trained(epochs=1)
    return [str(device) for device in fitted.state.step.devices()]


def of_a_command(folder):
    """What it prints, and what it leaves; then on other devices, to its end."""
    given = ["digits", "--hidden", "8", "--latents", "2", "--epochs", "1", "--no-score"]
    given += ["--no-pictures", "--out", str(folder)]
    status, said, warned = _told(given)
    longer = _told(["--resume", str(folder), "--epochs", "2", "--devices=1"])
    refused = _told(["--resume", str(folder), "--epochs", "3", "--devices", "5"])
    unread = _told(["--resume", str(folder), "--devices", "some"])
    return {
        "status": [status, longer[0], refused[0], unread[0]],
        "said": said,
        "warned": warned,
        "longer": longer[1],
        "refused": [refused[2], unread[2]],
        "config": json.loads((folder / "config.json").read_text()),
        "epochs": len((folder / "metrics.jsonl").read_text().splitlines()) // 2,
    }


def _told(arguments):
    from vae_jax.cli import terminal

    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        terminal.console.file = sys.stdout
        status = train(arguments)
    return status, out.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def found():
    return json.loads(measured.with_devices(DEVICES, __file__))


@pytest.mark.parametrize("data", ["host", "copied", "divided", "divided, explicit"])
def test_fit_takes_all_devices_by_default(found, data):
    """Each does a quarter, and the descent, which all do: some 4 % of this batch's operations."""
    of = found["fit"][data]
    assert 1 / DEVICES < of["share"] < 1 / DEVICES + 0.04
    assert of["apart"] < 1e-4
    assert of["copies"]
    assert of["devices"] == DEVICES
    assert of["programs"] <= 1


@pytest.mark.parametrize("data", ["host", "copied"])
def test_devices_tell_each_other_the_gradient_alone(found, data):
    """And the distortion and the rate."""
    expected = {"all-reduce": {"count": 1, "bytes": found["gradient"] + 2 * 4}}
    assert found["fit"][data]["collectives"] == expected


def test_divided_data_stay_where_they_are(found):
    """A quarter of them on each device; told are the bytes of a batch, and which they are."""
    copied, divided = found["fit"]["copied"]["bytes"], found["fit"]["divided"]["bytes"]
    assert copied - divided == 2 * B * 64 * (DEVICES - 1) // DEVICES
    told = found["fit"]["divided"]["collectives"]
    assert told["all-reduce"] == {"count": 2, "bytes": found["gradient"] + 2 * 4 + B * 64}
    assert told.get("all-gather", {"bytes": 0})["bytes"] <= 4 * B


def test_a_stream_is_divided(found):
    assert 1 / DEVICES < found["streams"]["share"] < 1 / DEVICES + 0.04
    assert found["streams"]["apart"] == 0


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluation_has_the_numbers_of_one_device(found, name):
    assert found["evaluations"][name] < 1e-5


@pytest.mark.parametrize("name", ["elbos", "log_likelihoods", "sample"])
def test_an_evaluation_is_divided(found, name):
    assert found["operations"][name] == pytest.approx(1 / DEVICES, rel=0.01)


def test_chains_are_divided(found):
    """All devices make the metric of its examples, some 6 % of the operations of one."""
    assert 1 / DEVICES < found["operations"]["sample_by_metric"] < 1 / DEVICES + 0.06


def test_pairs_are_divided(found):
    """3 x 21 draws, filled up to 64: sixteen on each device, beside all posteriors."""
    expected = {"shape": [DEVICES, 16], "parts": [[1, 16]] * DEVICES, "collectives": {}}
    assert found["pairs"] == expected


def test_seeds_are_divided(found):
    assert found["seeds"]["apart"] < 1e-4
    assert 1 / DEVICES < found["seeds"]["share"] < 1 / DEVICES + 0.04
    assert found["fitted seeds"]["apart"] < 1e-4
    assert found["fitted seeds"]["devices"] == [DEVICES, DEVICES]


def test_a_run_goes_on_with_another_number_of_devices(found):
    """On as many to the same bits, on others to the same numbers but for rounding."""
    of = found["checkpoints"]
    assert of["same"]
    assert of["apart"] < 1e-4
    assert of["read to all"] == [DEVICES]
    assert of["read to one"] == [1]
    assert of["equal"] == 0


def test_idle_devices_are_told_of_once(found):
    assert found["idle"] == {
        "said": [
            "A batch of 21 is divided among 3 of the 4 devices, since more do not divide it into"
            " equal parts: a multiple of 4 would use all."
        ],
        "used": 3,
        "count": 3,
    }


def test_data_that_cannot_be_divided(found):
    assert found["refusals"]["divided"] == (
        "21 examples cannot be divided equally among 4 devices: leave out the last 1, or use fewer"
        " devices, devices.only(...)."
    )
    assert found["refusals"]["batch"].startswith(
        "The data are divided among 4 devices, and a batch of 21 cannot be divided equally"
    )


def test_a_device_that_was_chosen(found):
    assert len(found["default device"]) == 1
    assert "3" in found["default device"][0]


def test_a_command_takes_all_devices_or_as_many_as_it_is_told(found):
    of = found["command"]
    assert of["status"] == [0, 0, 1, 1]
    assert "Each batch is divided among 2 devices." in of["said"]
    assert of["warned"].count("warning: A batch of 50 is divided among 2 of the 4 devices") == 1
    assert of["config"]["devices"] == {"evaluation": 4, "training": 2, "hosts": 1}
    (resumed,) = of["config"]["resumed"]
    assert (resumed["after"], resumed["versions"]) == (1, of["config"]["versions"])
    assert resumed["devices"] == {"evaluation": 1, "training": 1, "hosts": 1}
    assert "Each batch" not in of["longer"]
    assert of["epochs"] == 2
    assert (
        "5 devices were asked for, and this process has 4: --devices <a number in 1 .. 4>"
        in (of["refused"][0])
    )
    assert "--devices is a number of devices, or all; got 'some'." in of["refused"][1]


def test_on_one_device_nothing_is_placed():
    tree = {"x": jnp.ones(3), "host": np.ones(2)}
    assert devices.of_all() is None
    assert devices.of_batch(7) is None
    assert devices.everywhere(tree, None) is tree
    assert devices.apart(tree, None) is tree
    assert devices.divided(tree) is tree


def test_more_devices_than_there_are():
    for number in (0, 2):
        with pytest.raises(ValueError, match="and this process has 1"), devices.only(number):
            pass
    assert devices.count() == 1


def main():
    """Everything that takes several devices."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "fit": of_fit(),
            "gradient": sum(leaf.nbytes for leaf in jax.tree.leaves(params())),
            "streams": of_streams(),
            "evaluations": of_evaluations(),
            "operations": of_their_operations(),
            "pairs": of_pairs(),
            "seeds": of_seeds(),
            "fitted seeds": of_fitted_seeds(),
            "checkpoints": of_checkpoints(Path(folder) / "checkpoints"),
            "idle": of_idle_devices(),
            "refusals": of_refusals(),
            "default device": of_the_default_device(),
            "command": of_a_command(Path(folder) / "run"),
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
