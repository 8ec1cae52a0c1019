"""Sweeps on the digits, made small: members are models of their own; curves go where they must."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import noise

from experiments.sweeps import (
    collapse,
    digits_beta,
    digits_capacity,
    digits_latents,
    fashion_sigma,
    gradient_depth,
    kept,
)
from experiments.sweeps.training import How, digits, model_of, point
from vae_jax import data, evaluate

HOW = How(epochs=3, batch_size=100, learning_rate=1e-2, hidden=(16,))


@pytest.fixture(scope="module")
def images():
    return digits(0)


def test_a_larger_beta_has_a_smaller_rate(images):
    betas = (0.0, 1.0, 16.0)
    model, each = digits_beta.train(images, HOW, betas, latents=2)
    points = [point(b, model, p, images, 0) for b, p in zip(betas, each, strict=True)]
    rates = [p.rate for p in points]
    assert rates[0] > rates[1] > rates[2]
    for p in points:
        # of the same 10 draws of each of the images: the closed form beside what was drawn
        np.testing.assert_allclose(p.information + p.marginal_kl, p.rate, rtol=0.1, atol=0.1)
        np.testing.assert_allclose(-p.distortion - p.rate, p.elbo, rtol=1e-5)
        assert p.information < np.log(p.examples) + 1e-3
    assert points[2].information < 0.2


def test_a_mask_leaves_a_model_of_fewer_latents(images):
    """Its numbers are those of a network that has no others, with the same weights."""
    whole, small = model_of(5, (16,)), model_of(2, (16,))
    masked = digits_latents.first(whole, jnp.arange(5) < 2)
    params = whole.init(jax.random.key(0), images.test["x"][0])

    def cut(path, leaf):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name.startswith("encoder/head"):
            return leaf[..., :2]
        return leaf[:2] if name == "decoder/body/Dense_0/kernel" else leaf

    own = jax.tree_util.tree_map_with_path(cut, params)
    key, z = jax.random.key(1), np.array([0.7, -1.2], np.float32)
    rates = [
        evaluate.elbos(model, p, key, images.test).rate
        for model, p in ((masked, params), (small, own))
    ]
    np.testing.assert_allclose(*rates, rtol=1e-5)
    wide = np.concatenate([z, [9.0, 9.0, 9.0]]).astype(np.float32)
    np.testing.assert_allclose(
        masked.decode(params, wide).logits, small.decode(own, z).logits, rtol=1e-5, atol=1e-6
    )


def test_a_sweep_over_latents_is_kept_and_drawn(tmp_path, capsys):
    points = digits_latents.main((1, 3), HOW, tmp_path)
    assert [p.value for p in points] == [1, 3]
    assert all(p.active <= p.value for p in points)
    assert kept.load(tmp_path / "digits_latents.json") == points
    text = (tmp_path / "digits_latents.json").read_text()
    assert (
        "sweeps.digits_latents --sizes 1 3 --how.epochs 3 --how.batch-size 100 --how.learn" in text
    )
    assert (tmp_path / "digits_latents.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out.splitlines()
    assert shown == kept.table("latents", points).splitlines()
    assert shown[0].startswith("| latents | -ELBO | distortion | rate |")


def test_a_sweep_over_beta_shows_samples(tmp_path, capsys):
    points = digits_beta.main((0.0, 1.0), HOW._replace(epochs=1), tmp_path)
    assert capsys.readouterr().out.count("\n") == 2 + len(points)
    for name in ("digits_beta", "digits_beta_samples"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_gap_is_split_into_two(images, tmp_path, monkeypatch, capsys):
    """Approximation and amortisation are both positive, and make the gap."""
    monkeypatch.setattr(digits_capacity, "SIZES", {"weak": (4,)})
    few = images._replace(test={"x": images.test["x"][:20]})
    monkeypatch.setattr(digits_capacity, "digits", lambda seed: few)
    local = digits_capacity.Local(
        steps=60, learning_rate=0.05, scored_by=200, importance_samples=500
    )
    (found,) = digits_capacity.main(HOW, local, tmp_path)
    assert digits_capacity.load(tmp_path / "digits_capacity.json") == [found]
    assert capsys.readouterr().out.splitlines() == digits_capacity.table([found]).splitlines()
    gap = found.log_likelihood.value - found.elbo.value
    np.testing.assert_allclose(found.approximation.value + found.amortisation.value, gap, rtol=1e-4)
    assert found.amortisation.value > 4 * found.amortisation.standard_error
    assert found.approximation.value > -0.05  # what importance samples lack


def test_members_at_one_place_of_a_curve_share_a_label(images):
    model = model_of(2, (16,))
    params = model.init(jax.random.key(0), images.test["x"][0])
    one = point(1.0, model, params, images, 0)
    there = one._replace(value=4.0, rate=0.0, distortion=9.0)
    near = there._replace(value=8.0, rate=1e-4, distortion=9.001)
    found = kept.labels([one._replace(rate=5.0, distortion=2.0), there, near])
    assert found == {(5.0, 2.0): "1", (0.0, 9.0): "4, 8"}


def test_collapse_is_trained_beside_its_remedies(images, tmp_path, capsys, monkeypatch):
    """Free nats are taken, however little was learned; and all of it is kept and drawn."""
    few = images._replace(train={"x": images.train["x"][:200]}, test={"x": images.test["x"][:40]})
    monkeypatch.setattr(collapse, "digits", lambda seed: few)
    size = collapse.Size(latents=2, width=2, layers=1, nats=9.0)
    found = collapse.main(HOW._replace(epochs=2), size, tmp_path)
    assert [len(s.rates) for s in found] == [2, 2, 2]
    assert found[2].name == "9 nats free"
    assert found[2].rates[-1] > found[0].rates[-1]
    assert collapse.load(tmp_path / "collapse.json") == found
    assert capsys.readouterr().out.splitlines() == collapse.table(found).splitlines()
    assert (tmp_path / "collapse.png").read_bytes().startswith(b"\x89PNG")


def test_variances_are_side_by_side(tmp_path, capsys, monkeypatch):
    """Of noise: sigma is what it was said to be, and the bits those of the bound."""
    monkeypatch.setattr(data, "load", noise)
    wanted = ("fixed, 1", "optimal")
    monkeypatch.setattr(
        fashion_sigma, "SIGMAS", {name: fashion_sigma.SIGMAS[name] for name in wanted}
    )
    how = fashion_sigma.How(epochs=1, hidden=(8,), latents=2)
    rows = fashion_sigma.main(None, how, tmp_path)
    assert fashion_sigma.load(tmp_path / "fashion_sigma.json") == rows
    assert capsys.readouterr().out.splitlines() == fashion_sigma.table(rows).splitlines()
    np.testing.assert_allclose(rows[0].sigma, 1.0, rtol=1e-5)
    assert rows[1].sigma > rows[1].error  # of a draw of z, which adds to that at its mean
    for r in rows:
        np.testing.assert_allclose(r.bits, 8 - r.elbo / 784 / np.log(2), rtol=1e-5)


def test_the_gradient_of_a_residual_network_does_not_depend_on_its_depth(tmp_path, capsys):
    """At its first values, where every block is the identity; elsewhere it falls by half a
    layer's initialiser, 1 / sqrt(2) of each of two layers a block."""
    norms = gradient_depth.main((1, 4), 0, tmp_path)
    assert gradient_depth.load(tmp_path / "gradient_depth.json") == norms
    assert capsys.readouterr().out.splitlines() == gradient_depth.table(norms).splitlines()
    found = {(n.block, n.depth): n.norm for n in norms}
    np.testing.assert_allclose(found["residual", 4], found["residual", 1], rtol=1e-4)
    lost = found["plain, LeCun", 4] / found["plain, LeCun", 1]
    assert lost < found["plain, He", 4] / found["plain, He", 1] / 4
