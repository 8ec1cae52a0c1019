"""What every config trains, and every evaluation of it, lowered for a TPU and a GPU by a process
that has neither: convolutions where our own are for CPUs, no float64, nobody who calls back."""

import importlib
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import LINES, bytes_of, noise, write_table

from vae_jax import data, evaluate, generate, train_epoch
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
# random bits of XLA's own, for a GPU
OWN_CALLS = {"cu_threefry2x32_ffi", "Sharding"}
B = 10


def files(folder):
    """A file of each kind, as the option `data`."""
    np.save(folder / "images.npy", bytes_of(100))
    np.save(folder / "cifar10.npy", bytes_of(100, (8, 8, 3)))
    np.save(folder / "series.npy", np.random.default_rng(0).normal(size=(100, 4, 2)))
    (folder / "text.txt").write_text(LINES)
    places = {name: folder / f"{name}.npy" for name in ("images", "cifar10", "series")}
    texts = dict.fromkeys(TEXTS, folder / "text.txt")
    return {**places, "vectors": write_table(folder / "rows.csv", 100), **texts}


def build(name, folder):
    """The config at a tiny size, with its data."""
    given = {"choices": Choices(hidden=(4, 3))}
    if name in ("fashion_conv", "images"):
        given["choices"] = CONV
    if name.startswith(("digits", "mnist")):
        given["choices"] = Choices(hidden=(4, 3), likelihood="bernoulli")
    if name == "mnist_categorical":
        given |= {"choices": Choices(hidden=(4, 3), likelihood="categorical"), "levels": 3}
    if name == "cifar10":
        small = {"network": "residual", "likelihood": "logistic_mixture", "logistics": 2}
        given["choices"] = replace(CONV, **small)
    if name == "mnist_iwae":
        given["choices"] = Choices(hidden=(4, 3), likelihood="bernoulli", objective="iwae", draws=2)
    if name == "mnist_pixelcnn":
        small = {"decoder_layers": 1, "decoder_width": 2}
        given["choices"] = replace(given["choices"], decoder="pixelcnn", **small)
    if name in TEXTS:
        given |= {"length": 4, "choices": TEXTS[name]}
    own = files(folder).get(name)
    given |= {"data": str(own)} if own else {}
    experiment = CONFIGS[name](epochs=1, batch_size=B, latents=2, **given)
    loaded = experiment.examples.load()
    some = {key: jax.tree.map(lambda leaf: leaf[:B], part) for key, part in loaded.test.items()}
    return experiment, loaded._replace(test=some)


class Recorded:
    """A jitted function that remembers its calls, one of each kind."""

    def __init__(self, program, calls):
        self.program, self.calls, self.lower = program, calls, program.lower

    def __call__(self, *args):
        shapes = str(jax.tree.map(np.shape, args))
        self.calls.setdefault(shapes, (self.program, args))
        return self.program(*args)


def programs(experiment, loaded, monkeypatch):
    """(program, arguments) of everything that a run compiles."""
    model, key, calls = experiment.trained.model, jax.random.key(0), {}
    for module, name in JITTED:
        monkeypatch.setattr(module, name, Recorded(getattr(module, name), calls))
    first = jax.tree.map(lambda leaf: leaf[0], loaded.test)
    init = jax.jit(model.init)
    begun = (key, first["x"], first.get("c"))
    params = init(*begun)
    step = make_step(experiment, Training(), stretches_of({}, experiment), 2)
    state = step.init(key, params)
    few = jax.tree.map(lambda leaf: jnp.asarray(leaf[: 2 * B]), loaded.train)

    def epoch(state, few):
        how = {"batch_size": B, "prepare": experiment.examples.prepare}
        return train_epoch(step, state, few, **how)

    score(experiment, loaded.test, params, key, importance_samples=3)
    evaluate.terms(model, params, key, loaded.test, [Term("d", distortion)], batch_size=B)
    z = evaluate.embeddings(model, params, key, loaded.test)
    x, c = loaded.test["x"], loaded.test.get("c")
    generate.sample(model, params, key, B, c)
    generate.reconstruct(model, params, key, x, c)
    generate.traverse(model, params, z[0], 0, np.zeros(2), first.get("c"), key=key)
    return [(init, begun), (jax.jit(epoch), (state, few)), *calls.values()]


@pytest.mark.parametrize("name", CONFIGS)
def test_programs_for_other_devices(name, tmp_path, monkeypatch):
    if "digits" not in name:
        monkeypatch.setattr(data, "load", noise)
    found, convolutions = programs(*build(name, tmp_path), monkeypatch), 0
    assert len(found) > 9
    for program, args in found:
        text = jax.export.export(program, platforms=PLATFORMS)(*args).mlir_module()
        assert set(re.findall(r"stablehlo\.custom_call @(\w+)", text)) <= OWN_CALLS
        assert not re.search(r"\bf64\b|xf64>", text)
        convolutions += text.count("stablehlo.convolution")
    assert (convolutions > 20) == (name in ("fashion_conv", "images", "cifar10"))
