"""What every config begins with and trains, and the evaluations of those that differ in them,
lowered for a TPU and a GPU by a process that has neither: convolutions where our own are for CPUs,
nobody who calls back."""

import importlib
import inspect
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from tiny_runs import LINES, bytes_of, noise, write_table

from vae_jax import data, evaluate, generate, memory, train_epoch
from vae_jax.configs import CONFIGS
from vae_jax.configs.choices import Choices
from vae_jax.evaluate import examples, information
from vae_jax.generate import moves, samples
from vae_jax.objectives import Term, distortion
from vae_jax.runs.scores import score
from vae_jax.runs.stretches import stretches_of
from vae_jax.runs.training import Training, make_step

PLATFORMS = ("tpu", "cuda")
TERMS = importlib.import_module("vae_jax.evaluate.terms")  # behind the function of its name
JITTED = [
    *((examples, "_batch"), (information, "_add_posteriors"), (TERMS, "_batch")),
    *((samples, "_sample"), (samples, "_reconstruct"), (moves, "_decode")),
]
TEXT = Choices(hidden=(4, 3), likelihood="categorical")
TEXTS = {
    "text": TEXT,
    "shakespeare": replace(TEXT, decoder="transformer", decoder_width=4, word_dropout=0.3),
    "shakespeare_wavenet": replace(TEXT, decoder="wavenet", decoder_width=4),
}
CONV = Choices(network="conv", channels=(2, 3))
CONVS = {
    "fashion_conv": CONV,
    "images": CONV,
    "cifar10": Choices(network="residual", channels=(2, 4), likelihood="logistic_mixture"),
    "fashion_vq": replace(CONV, posterior="codes", num_codes=4),
    "fashion_fsq": replace(CONV, posterior="fsq", code_levels=(3, 4)),
    "cifar10_rvq": replace(CONV, posterior="residual_codes", num_codes=4, code_dropout=0.5),
}
OF_CODES = ("fashion_vq", "fashion_fsq", "cifar10_rvq")
# XLA's own: random bits for a GPU; of jax 0.7 operations that had no other name
OWN_CALLS = {"cu_threefry2x32_ffi", "Sharding", "mhlo.erf", "mhlo.topk"}
B = 10
# whose evaluations are other programs than those of the rest
KINDS = ["digits_conditional", "digits_gumbel", "mnist_pixelcnn", "mnist_vamp_iaf_miwae", "images"]
KINDS += ["fashion_vq", "vectors", "series", "text"]


def files(folder):
    """A file of each kind, as the option `data`."""
    np.save(folder / "images.npy", bytes_of(100))
    np.save(folder / "cifar10.npy", bytes_of(100, (8, 8, 3)))
    np.save(folder / "series.npy", np.random.default_rng(0).normal(size=(100, 4, 2)))
    (folder / "text.txt").write_text(LINES)
    places = {name: folder / f"{name}.npy" for name in ("images", "series")}
    places |= dict.fromkeys(("cifar10", "cifar10_rvq"), folder / "cifar10.npy")
    texts = dict.fromkeys(TEXTS, folder / "text.txt")
    return {**places, "vectors": write_table(folder / "rows.csv", 100), **texts}


def build(name, folder):
    """The config at a tiny size, with its data."""
    given = {"choices": Choices(hidden=(4, 3))}
    if name in CONVS:
        given["choices"] = CONVS[name]
    if name.startswith(("digits", "mnist")):
        given["choices"] = Choices(hidden=(4, 3), likelihood="bernoulli")
    if name in ("digits_gumbel", "digits_hamiltonian", "mnist_hyperspherical"):
        own = inspect.signature(CONFIGS[name]).parameters["choices"].default
        given["choices"] = replace(own, hidden=(4, 3))
    if name == "mnist_categorical":
        given |= {"choices": Choices(hidden=(4, 3), likelihood="categorical"), "levels": 3}
    if name == "mnist_iwae":
        given["choices"] = Choices(hidden=(4, 3), likelihood="bernoulli", objective="iwae", draws=2)
    if name == "mnist_pixelcnn":
        small = {"decoder_layers": 1, "decoder_width": 2}
        given["choices"] = replace(given["choices"], decoder="pixelcnn", **small)
    if name == "mnist_vamp_iaf_miwae":
        small = {"posterior": "iaf", "flow_width": 4, "objective": "miwae", "draws": 2, "groups": 2}
        given["choices"] = replace(given["choices"], **small)
    if name.startswith("mnist_vamp"):
        given["choices"] = replace(given["choices"], prior="vamp", pseudo_inputs=3)
    if name == "mnist_iaf":
        given["choices"] = replace(given["choices"], posterior="iaf", flow_width=4)
    if name == "mnist_flow_prior":
        given["choices"] = replace(given["choices"], prior="maf", prior_width=4)
    if name in TEXTS:
        given |= {"length": 4, "choices": TEXTS[name]}
    own = files(folder).get(name)
    given |= {"data": str(own)} if own else {}
    experiment = CONFIGS[name](epochs=1, batch_size=B, latents=2, **given)
    loaded = experiment.examples.load()
    some = {key: jax.tree.map(lambda leaf: leaf[:B], part) for key, part in loaded.test.items()}
    return experiment, loaded._replace(test=some)


class Recorded:
    """A jitted function that remembers its calls, one of each kind; not run, it gives ones."""

    def __init__(self, program, calls):
        self.program, self.calls = program, calls

    def __call__(self, *args):
        shapes = str(jax.tree.map(np.shape, args))
        self.calls.setdefault(shapes, (self.program, args))
        of = self.program.eval_shape(*args)
        return jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), of)


def initial(experiment, loaded):
    """(program, arguments) of the first parameters."""
    first = jax.tree.map(lambda leaf: leaf[0], loaded.test)
    given = (jax.random.key(0), first["x"], first.get("c"))
    return jax.jit(experiment.trained.model.init), given


def begun(experiment, loaded, params):
    """(program, arguments) of an epoch of two steps."""
    step = make_step(experiment, Training(), stretches_of({}, experiment), 2)
    state = step.init(jax.random.key(0), params)
    few = jax.tree.map(lambda leaf: jnp.asarray(leaf[: 2 * B]), loaded.train)

    def epoch(state, few):
        how = {"batch_size": B, "prepare": experiment.examples.prepare}
        return train_epoch(step, state, few, **how)

    return jax.jit(epoch), (state, few)


def evaluated(experiment, loaded, params, monkeypatch):
    """(program, arguments) of what a run compiles after its training."""
    model, key, calls = experiment.trained.model, jax.random.key(0), {}
    monkeypatch.setattr(memory, "room", lambda: None)
    for module, name in JITTED:
        monkeypatch.setattr(module, name, Recorded(getattr(module, name), calls))
    first = jax.tree.map(lambda leaf: leaf[0], loaded.test)
    score(experiment, loaded.test, params, key, importance_samples=3)
    evaluate.terms(model, params, key, loaded.test, [Term("d", distortion)], batch_size=B)
    z = evaluate.embeddings(model, params, key, loaded.test)
    x, c = loaded.test["x"], loaded.test.get("c")
    generate.sample(model, params, key, B, c)
    generate.reconstruct(model, params, key, x, c)
    generate.traverse(model, params, z[0], 0, np.zeros(2), first.get("c"), key=key)
    return list(calls.values())


def assert_lowered(found, name):
    convolutions = 0
    for program, args in found:
        text = export.export(program, platforms=PLATFORMS)(*args).mlir_module()
        assert set(re.findall(r"stablehlo\.custom_call @([\w.]+)", text)) <= OWN_CALLS
        convolutions += text.count("stablehlo.convolution")
    assert (convolutions > 2 * len(found)) == (name in CONVS)


@pytest.fixture
def tiny(request, tmp_path, monkeypatch):
    if "digits" not in request.param:
        monkeypatch.setattr(data, "load", noise)
    return (request.param, *build(request.param, tmp_path))


@pytest.mark.parametrize("tiny", CONFIGS, indirect=True)
def test_every_config_takes_two_steps_and_does_so_elsewhere(tiny):
    name, experiment, loaded = tiny
    init, first = initial(experiment, loaded)
    epoch, (state, few) = begun(experiment, loaded, init(*first))
    after, metrics = epoch(state, few)
    assert after.step == 2
    assert np.all(np.isfinite(metrics["loss"]))
    moved = jax.tree.map(lambda a, b: not np.array_equal(a, b), state.params, after.params)
    assert any(jax.tree.leaves(moved["decoder"]))
    assert_lowered([(init, first), (epoch, (state, few))], name)


@pytest.mark.filterwarnings("ignore")  # of numbers that are none
@pytest.mark.parametrize("tiny", KINDS, indirect=True)
def test_every_evaluation_can_be_had_elsewhere(tiny, monkeypatch):
    name, experiment, loaded = tiny
    init, first = initial(experiment, loaded)
    forms = jax.eval_shape(init, *first)
    params = jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), forms)
    found = evaluated(experiment, loaded, params, monkeypatch)
    assert len(found) > 6
    assert_lowered(found, name)
