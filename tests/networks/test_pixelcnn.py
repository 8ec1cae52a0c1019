"""Gated PixelCNN: no blind spot, the order of colours, and draws of all small images."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vae_jax.networks import (
    AutoregressiveHead,
    BernoulliHead,
    CategoricalHead,
    ColourLogisticsHead,
    GatedPixelCNN,
    centred,
)

FEATURES = jnp.array([0.3, -1.0, 0.5])


def normal(*shape):
    return jnp.array(np.random.default_rng(0).normal(size=shape), jnp.float32)


def stirred(module, key, *inputs):
    """Parameters none of which is zero."""
    params = jax.jit(module.init)(key, *inputs)
    return jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), params)


def made(head, key, features=FEATURES):
    return head.apply(stirred(head, key, features), features)


@pytest.mark.parametrize(
    ("channels", "features"), [(1, FEATURES), (3, normal(3, 4, 2))], ids=["vector", "map"]
)
def test_each_value_is_told_of_all_before_it_and_of_no_other(channels, features, key):
    """Pixels row by row and in each red, green, blue; every pixel of the rows above is seen."""
    shape, K = (3, 4, channels), 4
    head = AutoregressiveHead(
        GatedPixelCNN(8, 3, kernel_size=3), CategoricalHead(shape, K), centred(1.5, 1.5)
    )
    q = made(head, key, features)
    x = jax.random.randint(key, shape, 0, K)
    places = list(np.ndindex(shape))
    changed = jnp.stack([x.at[place].set((x[place] + 2) % K) for place in places])
    logits = jax.jit(lambda x: q.conditionals(x).logits.reshape(len(places), K))
    change = np.abs([logits(other) - logits(x) for other in changed]).max(axis=-1)
    # [changed, looked at]
    np.testing.assert_array_equal(change[np.tril_indices(len(places))], 0)
    assert np.all(change[np.triu_indices(len(places), 1)] > 0)


def test_draws_of_all_binary_images_of_four_pixels(key):
    """Their frequencies are their masses, which sum to 1."""
    head = AutoregressiveHead(GatedPixelCNN(4, 2, 3), BernoulliHead((2, 2, 1)), centred(0.5, 0.5))
    q = made(head, key)
    images = jnp.array(list(itertools.product((0.0, 1.0), repeat=4))).reshape(16, 2, 2, 1)
    masses = np.exp(np.float64(jax.jit(jax.vmap(q.log_prob))(images)))
    np.testing.assert_allclose(masses.sum(), 1, rtol=1e-5)
    n = 8000
    draws = jax.jit(jax.vmap(q.sample))(jax.random.split(key, n)).reshape(n, 4)
    found = np.bincount(np.asarray(draws, int) @ np.array([8, 4, 2, 1]), minlength=16)
    assert n * masses.min() > 5
    error = np.abs(found / n - masses)
    assert np.all(error < 4 * np.sqrt(masses * (1 - masses) / n))
    assert scipy.stats.chisquare(found, n * masses / masses.sum()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("channels", "features"), [(1, FEATURES), (3, normal(3, 4, 2))], ids=["vector", "map"]
)
def test_steps_are_a_pass(channels, features, key):
    shape = (3, 4, channels)
    head = AutoregressiveHead(GatedPixelCNN(4, 3, 5), CategoricalHead(shape, 3), centred(1.0, 1.0))
    q = made(head, key, features)
    x = jax.random.randint(key, shape, 0, 3)

    def step(carried, place):
        carried, conditionals = q.steps.advance(q.given, carried, x, place)
        return carried, conditionals.logits.reshape(-1, 3)[place]

    scan = jax.jit(lambda: jax.lax.scan(step, q.steps.begin(q.given), jnp.arange(x.size))[1])
    np.testing.assert_allclose(
        scan().reshape(*shape, 3), q.conditionals(x).logits, rtol=1e-4, atol=1e-4
    )
    draws = [jax.jit(p.sample)(key) for p in (q, q.replace(steps=None))]
    np.testing.assert_array_equal(*draws)


def of_colours(shape, levels, key):
    """A mixture of logistics of each pixel, whose places are pixels."""
    network = GatedPixelCNN(4, 2, kernel_size=3, by_pixel=True)
    middle = (levels - 1) / 2
    head = AutoregressiveHead(
        network, ColourLogisticsHead(shape, levels, 2), centred(middle, middle)
    )
    return made(head, key)


def test_colours_are_told_of_the_pixels_before_and_in_their_own_of_those_that_were_drawn(key):
    """Red, green and blue of each pixel before are told; of a pixel itself nothing: its green is
    given its red, and its blue both, by the likelihood itself."""
    shape = (2, 3, 3)
    q = of_colours(shape, 4, key)
    x = jax.random.randint(key, shape, 0, 4)

    def parameters(x):
        c = q.conditionals(x)
        own = [jnp.reshape(leaf, (6, -1)) for leaf in (c.logits, c.loc, c.log_scale)]
        return jnp.concatenate([*own, c.coefficients.reshape(6, -1)], axis=1)

    places = list(np.ndindex(shape))
    changed = jnp.stack([x.at[place].set((x[place] + 2) % 4) for place in places])
    made_of = jax.jit(jax.vmap(parameters))(jnp.concatenate([x[None], changed]))
    change = np.abs(made_of[1:] - made_of[:1]).max(axis=-1)  # [changed value, pixel]
    for value in range(len(places)):
        np.testing.assert_array_equal(change[value, : value // 3 + 1], 0)
        assert np.all(change[value, value // 3 + 1 :] > 0)
    masses = jax.jit(jax.vmap(q.log_prob_factors))(jnp.concatenate([x[None], changed]))
    masses = np.abs(masses[1:] - masses[:1]).reshape(len(places), 6)
    assert np.all(masses[np.arange(len(places)), np.arange(len(places)) // 3] > 0)


def test_draws_of_all_colours_of_two_pixels(key):
    """Of two levels, 64 images: their frequencies are their masses; and steps are passes."""
    q = of_colours((1, 2, 3), 2, key)
    images = jnp.array(list(itertools.product((0, 1), repeat=6))).reshape(64, 1, 2, 3)
    masses = np.exp(np.float64(jax.jit(jax.vmap(q.log_prob))(images)))
    np.testing.assert_allclose(masses.sum(), 1, rtol=1e-5)
    n = 4000
    keys = jax.random.split(key, n)
    draws = np.asarray(jax.jit(jax.vmap(q.sample))(keys)).reshape(n, 6)
    found = np.bincount(draws @ 2 ** np.arange(5, -1, -1), minlength=64) / n
    # a mass of less than 1/n is drawn once at most, or so
    assert np.all(np.abs(found - masses) < 4 * np.sqrt(masses * (1 - masses) / n) + 2 / n)
    by_passes = jax.jit(jax.vmap(q.replace(steps=None).sample))(keys[:50]).reshape(50, 6)
    np.testing.assert_array_equal(by_passes, draws[:50])


def test_what_is_no_image_is_refused(key):
    with pytest.raises(ValueError, match=r"one image \[H, W, C\], .* shape \(4, 4\)"):
        GatedPixelCNN().init(key, FEATURES, jnp.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"kernel_size=3, 5, ... and layers=1 .* got 4 and 5"):
        GatedPixelCNN(kernel_size=4).init(key, FEATURES, jnp.zeros((4, 4, 1)))
