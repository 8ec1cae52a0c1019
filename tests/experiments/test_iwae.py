"""The tables of Burda et al. 2015 and Rainforth et al. 2018: rows, models, protocols."""

import re

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest
from tiny_mnist import TINY, tiny

from experiments.papers.iwae import cells, images
from experiments.papers.iwae.models import make_model
from experiments.papers.iwae.protocols import PROTOCOLS, Settings, stages
from experiments.papers.iwae.rows import ROWS, piwae
from experiments.papers.iwae.scores import rate_of
from vae_jax import VAE, data
from vae_jax.bounds import iwae_bound, miwae_bound
from vae_jax.configs import CONFIGS
from vae_jax.objectives import importance_weighted, rate, sampled_rate
from vae_jax.train import train_epoch

pytestmark = pytest.mark.usefixtures("tiny_data")


def test_the_rows_are_those_of_the_papers():
    assert len(ROWS) == 4 * 5 * 2 + 6
    expected = {
        "dynamic-1-vae-1": (86.76, (19,)),
        "dynamic-1-iwae-50": (84.78, (25,)),
        "dynamic-1-iwae-50-dreg": (84.78, (25,)),
        "dynamic-2-vae-5-stl": (85.01, (17, 5)),
        "dynamic-2-iwae-5": (83.89, (21, 5)),
        "fixed-1-vae-50": (89.05, (20,)),
        "fixed-2-vae-1": (88.08, None),
        "fixed-2-iwae-50": (85.32, (24, 7)),
        "dynamic-1-iwae-64": (84.52, None),
        "dynamic-1-piwae-8-8": (84.46, None),
        "dynamic-1-miwae-8-8": (84.97, None),
        "dynamic-1-ciwae-64-0.5": (85.24, None),
        "dynamic-1-ciwae-64-0.05": (84.57, None),
        "dynamic-1-vae-64": (86.21, None),
    }
    assert {n: (ROWS[n].published, ROWS[n].published_units) for n in expected} == expected


@pytest.mark.parametrize("name", [name for name in ROWS if "piwae" not in name])
def test_a_row_is_what_its_name_says(name):
    """Of the options of its objective; what they do is tested with the objectives."""
    form = r"(dynamic|fixed)-([12])-(\w+)-(\d+)(?:-(8|0\.0?5))?(?:-(stl|dreg))?"
    binarisation, layers, kind, k, more, gradient = re.fullmatch(form, name).groups()
    row = ROWS[name]
    assert (row.data, row.layers, row.kind) == (binarisation, int(layers), kind)
    options, draws = row.objective.keywords, int(k) * (8 if more == "8" else 1)
    if kind == "vae" and layers == "1" and gradient is None:
        assert options == {"num_samples": draws}  # with the rate in closed form
        return
    assert options["num_draws"] == draws
    assert options.get("score_free", False) == (gradient is not None)
    # log-weights by which the bounds differ; M groups of draws / M each
    log_w = np.arange(draws) / draws
    iwae = lambda log_w: np.log(np.mean(np.exp(log_w)))  # noqa: E731
    beta = float(more) if kind == "ciwae" else 1.0 if kind == "vae" else 0.0
    tight = np.mean([iwae(group) for group in log_w.reshape(8 if kind == "miwae" else 1, -1)])
    expected = beta * log_w.mean() + (1 - beta) * tight
    found = options["bound"].value(jnp.asarray(log_w, jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_piwaes_encoder_follows_miwae_and_its_decoder_iwae(key):
    """M = 4 groups of K = 2 draws, and not 2 of 4."""
    prior = {"prior": lg.params()["prior"]}  # fixed, as those of the rows are
    model = VAE(
        init=lambda key, x, c=None: None,
        encode=lambda params, x, c=None, key=None: lg.model({**params, **prior})[0](x),
        decode=lambda params, z, c=None, key=None: lg.model({**params, **prior})[1](z),
        prior=lambda params, c=None, key=None: lg.model({**params, **prior})[2],
    )
    params = {name: lg.params(shift=0.4, width=1.2)[name] for name in ("encoder", "decoder")}
    batch = {"x": jnp.asarray(lg.X, jnp.float32)}

    def gradient(objective):
        return jax.jit(jax.grad(lambda params: objective(params, key, batch, 0)[0]))(params)

    def weighted(bound):
        return gradient(importance_weighted(model, bound, num_draws=8))

    found = gradient(piwae(4, 2)(model))
    for group, bound in (("encoder", miwae_bound(4)), ("decoder", iwae_bound())):
        jax.tree.map(np.testing.assert_array_equal, found[group], weighted(bound)[group])
    swapped = weighted(miwae_bound(2))["encoder"]
    assert not np.allclose(found["encoder"]["c"], swapped["c"], rtol=1e-2)
    of_row = ROWS["dynamic-1-piwae-8-8"].objective(model)
    _, aux = jax.eval_shape(of_row, params, key, batch, 0)
    assert sorted(aux.metrics) == [
        "decoder/bound", "decoder/loss", "encoder/bound", "encoder/loss", "loss",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["dynamic-1-vae-5", "dynamic-1-piwae-8-8", "fixed-2-iwae-5-dreg"])
def test_two_steps_of_a_row_are_finite(name, key):
    row = ROWS[name]
    dataset = images.read(row.data, None)
    model, train = make_model(row.layers, dataset), {"x": dataset.train.x[:4]}
    step = cells.make_step("short", TINY, row.objective(model), 2)
    state = step.init(key, jax.jit(model.init)(key, dataset.train.x[0]))
    before = jax.tree.map(np.asarray, state.params)
    prepare = images.prepare_of(row.data)
    state, metrics = train_epoch(step, state, train, batch_size=2, prepare=prepare)
    assert metrics["loss"].shape == (2,)
    assert all(np.all(np.isfinite(value)) for value in metrics.values())
    for old, new in zip(*map(jax.tree.leaves, (before, state.params)), strict=True):
        assert np.all(np.isfinite(new))
        assert not np.array_equal(old, new)  # nothing is left out


SIZES = {
    1: [(784, 200, 200, 50, 50), (50, 200, 200, 784)],
    2: [
        (784, 200, 200, 100, 100),
        (100, 100, 100, 50, 50),
        (100, 200, 200, 784),
        (50, 100, 100, 100, 100),
    ],
}


@pytest.mark.parametrize("layers", SIZES)
def test_the_networks_have_the_papers_sizes(layers, key):
    dataset = images.read("dynamic", None)
    shapes = jax.eval_shape(make_model(layers, dataset).init, key, dataset.train.x[0])
    expected = []
    for first, hidden, same, *heads in SIZES[layers]:
        expected += [(first, hidden), (hidden, same), *((same, head) for head in heads)]
    found = [leaf.shape for leaf in jax.tree.leaves(shapes) if leaf.ndim == 2]
    assert sorted(found) == sorted(expected)


def test_the_networks_begin_as_the_papers(key):
    dataset = images.read("dynamic", None)
    model, x = make_model(1, dataset), dataset.train.x[0]
    params = jax.jit(model.init)(key, x)
    leaves = {leaf.shape: leaf for leaf in jax.tree.leaves(params)}
    bound = np.sqrt(6 / (784 + 200))  # Glorot uniform
    assert 0.99 * bound < np.abs(leaves[784, 200]).max() <= bound
    mean = np.clip(dataset.train.x.mean(axis=0).ravel() / 255, 0.001, 0.999)
    np.testing.assert_allclose(jax.nn.sigmoid(leaves[784,]), mean, rtol=1e-5)
    low = jax.tree.map(lambda leaf: leaf - 5, params)  # there is no floor under log_scale
    assert model.encode(low, x).log_scale.min() < -9


def test_the_test_images_are_those_of_mnist_vae():
    ours = images.prepared("dynamic", images.read("dynamic", None))
    theirs = CONFIGS["mnist_vae"]().examples.load()
    np.testing.assert_array_equal(ours.test["x"], theirs.test["x"])
    np.testing.assert_array_equal(ours.train["x"], theirs.train["x"])
    fixed = images.prepared("fixed", images.read("fixed", None))
    assert images.prepare_of("fixed") is None
    np.testing.assert_array_equal(fixed.test["x"], tiny("static_mnist").test.x)
    assert len(fixed.train["x"]) == 200  # the images of validation are not among them


def test_a_raw_folder_may_hold_both_data_sets(tmp_path, monkeypatch):
    """And those of MNIST are read as they are; without a folder, what is prepared."""
    asked = []
    monkeypatch.setattr(data, "load", lambda name, raw: asked.append((name, raw)))
    monkeypatch.setattr(data.idx, "read", lambda source, raw: asked.append((source.name, raw)))
    images.read("fixed", tmp_path)
    (tmp_path / "mnist").mkdir()
    images.read("dynamic", tmp_path)
    images.read("dynamic", None)
    assert asked == [("static_mnist", tmp_path), ("mnist", tmp_path / "mnist"), ("mnist", None)]


def test_the_papers_schedule():
    """3^i passes at 1e-3 * 10^(-i/7), of 3,000 steps each."""
    assert PROTOCOLS["paper"].settings["fixed"] == Settings(20, 3280, 1e-3, None)
    schedule, begin = stages(1e-3, 3280 * 3000), 0
    for i in range(8):
        end = begin + 3**i * 3000
        for at in (begin, end - 1):
            np.testing.assert_allclose(schedule(at), 1e-3 * 10 ** (-i / 7), rtol=1e-6)
        begin = end
    assert begin == 3280 * 3000


def test_the_rate_of_two_layers_is_sampled():
    """The closed forms of a chain's layers are not its rate: tests/model/test_chain.py."""
    assert [rate_of(layers) for layers in (1, 2)] == [rate, sampled_rate]
