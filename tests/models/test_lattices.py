"""Codes without a table: FSQ, LFQ, BSQ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Delta, Gaussian, Term, distortion, rate, standard_gaussian, weighted_sum
from vae_jax.models import VAE, with_bsq, with_fsq, with_lfq
from vae_jax.objectives import (
    commitment,
    entropy_gap,
    perplexity,
    sampled_rate,
    usage,
)

N = 4
FAR = np.linspace(-30, 30, 4001)


def points(size):
    """Features that are the data, [N, D], and N(x | z, 1)."""
    return VAE(
        lambda key, x, c=None: {"encoder": {"shift": jnp.zeros(())}},
        lambda params, x, c=None, key=None: Delta(x + params["encoder"]["shift"]),
        lambda params, z, c=None, key=None: Gaussian(z, jnp.zeros(())),
        lambda params, c=None, key=None: standard_gaussian(N, size),
    )


def coded(model, x):
    q = model.encode({"encoder": {"shift": jnp.zeros(())}}, jnp.array(x, jnp.float32))
    return np.asarray(q.features), np.asarray(q.mean()), np.asarray(q.index())


def test_fsq_reaches_exactly_its_levels_and_is_the_papers_formula():
    """Every L of 2 to 8, each a channel; against float64."""
    levels = tuple(range(2, 9))
    model = with_fsq(points(len(levels)), levels)
    _, z, index = coded(model, np.tile(FAR[:, None], (1, len(levels))))
    for d, L in enumerate(levels):
        half = (L - 1) * (1 + 1e-3) / 2 if L > 2 else 1 - 1e-3
        even = L % 2 == 0
        shift = np.arctanh(1 / (2 * half)) if even and L > 2 else 0.0
        found = np.round(half * np.tanh(FAR + shift) - (0.5 if even else 0.0))
        assert len(np.unique(np.round(z[:, d], 5))) == L
        np.testing.assert_allclose(z[:, d].max(), (L - 1 - L // 2) / (L // 2), rtol=1e-6)
        assert z[:, d].min() == -1
        off = np.abs(z[:, d] - found / (L // 2)) > 1e-6
        assert off.sum() <= L  # float32 at the ends of an interval
        if L > 2:
            assert abs(z[len(FAR) // 2, d]) < 1e-6  # 0 is a level, and the middle of it
    digits = index[:, 0, None] // np.cumprod((1, *levels[:-1])) % np.array(levels)
    np.testing.assert_allclose(digits / (np.array(levels) // 2) - 1, z, atol=1e-6)
    around = jnp.tile(jnp.array([-0.1, 0.0, 0.1, 9.0])[:, None], (1, len(levels)))
    q = lambda f: model.encode({"encoder": {"shift": jnp.zeros(())}}, f)  # noqa: E731
    slopes = jax.grad(lambda f: jnp.sum(q(f).features))(around)[1]
    np.testing.assert_array_less(0.5, slopes)
    np.testing.assert_allclose(q(around).mean()[jnp.array([0, 2]), 0], [-1, 0])  # of two levels


@pytest.mark.parametrize(
    ("levels", "size"), [((8, 6, 5), 240), ((8, 5, 5, 5), 1000), ((7, 5, 5, 5, 5), 4375)]
)
def test_there_are_as_many_codes_as_the_product_of_the_levels(levels, size):
    """Of the paper's table 1: from the first to the last index."""
    model = with_fsq(points(len(levels)), levels)
    f = jnp.tile(jnp.array([[-99.0], [99.0]]), (1, len(levels)))
    q = model.encode({"encoder": {"shift": jnp.zeros(())}}, f)
    assert q.codes.size == (1, size)
    np.testing.assert_array_equal(q.index(), [[0], [size - 1]])


def test_signs_and_their_entropies():
    """Against the formulas; the mean is over positions and batch."""
    D, B, t = 3, 5, 0.7
    x = np.random.default_rng(0).normal(size=(B, N, D)).astype(np.float32)
    x[0, 0, 0] = 0.0
    names = ["distortion", "commitment", "gap", "rate", "sampled", "perplexity", "usage"]
    values = [distortion, commitment, entropy_gap(t), rate, sampled_rate, perplexity, usage]
    terms = [Term(*each) for each in zip(names, values, strict=True)]
    for make, scale in ((with_lfq, 1.0), (with_bsq, 1 / np.sqrt(D))):
        model = make(points(D), D)
        u = x if make is with_lfq else x / np.linalg.norm(x, axis=-1, keepdims=True)
        signs = np.where(u > 0, 1.0, -1.0)
        features, z, index = coded(model, x[0])
        np.testing.assert_allclose(features, u[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(z, scale * signs[0], rtol=1e-6)
        np.testing.assert_array_equal(index[:, 0], (signs[0] > 0) @ np.array([1, 2, 4]))
        objective = weighted_sum(model, terms)
        params = {"encoder": {"shift": jnp.zeros(())}}
        given = lambda p, o=objective: o(p, jax.random.key(0), {"x": jnp.array(x)}, 0)  # noqa: E731
        (_, aux), gradient = jax.jit(jax.value_and_grad(given, has_aux=True))(params)
        assert np.isfinite(gradient["encoder"]["shift"])
        p = 1 / (1 + np.exp(-4 * scale * u / t))
        entropy = lambda p: -(p * np.log(p) + (1 - p) * np.log1p(-p))  # noqa: E731
        gap = N * (entropy(p).sum(-1).mean() - entropy(p.mean((0, 1))).sum())
        np.testing.assert_allclose(aux.metrics["gap"], gap, rtol=1e-4)
        np.testing.assert_allclose(aux.metrics["rate"], N * D * np.log(2), rtol=1e-6)
        np.testing.assert_allclose(aux.metrics["sampled"], N * D * np.log(2), rtol=1e-6)
        distance = ((u - scale * signs) ** 2).sum((1, 2)).mean()
        np.testing.assert_allclose(aux.metrics["commitment"], distance, rtol=1e-5)
        frequency = np.bincount(((signs > 0) @ np.array([1, 2, 4])).ravel(), minlength=8) / (B * N)
        np.testing.assert_allclose(aux.metrics["usage"], (frequency > 0).mean(), rtol=1e-6)
        some = frequency[frequency > 0]
        expected = np.exp(-(some * np.log(some)).sum())
        np.testing.assert_allclose(aux.metrics["perplexity"], expected, rtol=1e-5)


def test_the_counts_of_many_codes_are_there_once():
    """Not for each example: of 2^16 codes and 50 examples that is 13 MB."""
    model = with_lfq(points(16), 16)
    objective = weighted_sum(model, [Term("perplexity", perplexity), Term("usage", usage)])
    params = {"encoder": {"shift": jnp.zeros(())}}
    run = jax.jit(lambda x: objective(params, jax.random.key(0), {"x": x}, 0)[0])
    compiled = run.lower(jax.ShapeDtypeStruct((50, N, 16), jnp.float32)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 2e6


def test_levels_that_are_none_are_refused(key):
    with pytest.raises(ValueError, match=r"levels must be 2 or more.*got \(1, 5\)"):
        with_fsq(points(2), (1, 5))
    with pytest.raises(ValueError, match="their product below 16,777,216"):
        with_lfq(points(24), 24)
    with pytest.raises(ValueError, match=r"for 3 channels, and the model's latents .* \[4, 2\]"):
        with_fsq(points(2), (5, 5, 5)).init(key, np.zeros((N, 2), np.float32))
    with pytest.raises(ValueError, match="temperature must be above 0; got 0"):
        entropy_gap(0.0)
