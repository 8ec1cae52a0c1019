"""Sweeps on the digits, made small: members are models of their own; curves go where they must."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.sweeps import digits_beta, digits_capacity, digits_latents, kept
from experiments.sweeps.training import How, digits, model_of, point
from vae_jax import evaluate

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
