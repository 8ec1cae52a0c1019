"""Norms of one example, against their definitions."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from vae_jax import descend, standard_gaussian, vae, weighted_sum
from vae_jax.networks import (
    MLP,
    ConvEncoder,
    FixedScale,
    GaussianHead,
    Network,
    batch_norm,
    group_norm,
    whitening,
)
from vae_jax.networks.norms import normalize


class Normed(nn.Module):
    norm: object

    @nn.compact
    def __call__(self, x):
        return normalize(x, self.norm)


def apply(norm, x):
    """The normalised x, with scale 2, 3, ... and bias -1, 0, 1, ..., and the parameters' names."""
    params = jax.eval_shape(Normed(norm).init, jax.random.key(0), x)
    F = x.shape[-1]
    (name,) = params["params"]
    affine = {"scale": jnp.arange(F) + 2.0, "bias": jnp.arange(F) - 1.0}
    return jax.jit(Normed(norm).apply)({"params": {name: affine}}, x), name


def test_group_norm_of_a_feature_map_is_over_all_pixels_and_the_groups_channels():
    x = 3 + 2 * jax.random.normal(jax.random.key(1), (4, 5, 6))
    y, name = apply(group_norm(2), x)
    grouped = np.asarray(x, np.float64).reshape(20, 2, 3)
    mean = grouped.mean(axis=(0, 2), keepdims=True)
    var = grouped.var(axis=(0, 2), keepdims=True)
    standard = ((grouped - mean) / np.sqrt(var + 1e-6)).reshape(4, 5, 6)
    assert name == "GroupNorm_0"
    np.testing.assert_allclose(y, standard * (np.arange(6) + 2) + np.arange(6) - 1, atol=2e-5)


def test_group_norm_of_a_vector():
    x = jax.random.normal(jax.random.key(1), (6,))
    y, _ = apply(group_norm(3), x)
    pairs = np.asarray(x, np.float64).reshape(3, 2)
    standard = (pairs - pairs.mean(1, keepdims=True)) / np.sqrt(pairs.var(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(
        y, standard.ravel() * (np.arange(6) + 2) + np.arange(6) - 1, atol=2e-5
    )


def test_layer_norm_of_a_feature_map_is_of_each_pixel():
    x = jax.random.normal(jax.random.key(1), (4, 5, 6))
    y, _ = apply(nn.LayerNorm, x)
    values = np.asarray(x, np.float64)
    standard = (values - values.mean(-1, keepdims=True)) / np.sqrt(
        values.var(-1, keepdims=True) + 1e-6
    )
    np.testing.assert_allclose(y, standard * (np.arange(6) + 2) + np.arange(6) - 1, atol=2e-5)


def test_group_norm_of_an_example_does_not_depend_on_its_batch():
    x = jax.random.normal(jax.random.key(1), (3, 4, 4, 2))
    body = ConvEncoder((4,), norm=group_norm(2))
    params = jax.jit(body.init)(jax.random.key(0), x[0])
    together = jax.jit(jax.vmap(lambda x: body.apply(params, x)))(x)
    np.testing.assert_allclose(together[1], jax.jit(body.apply)(params, x[1]), atol=1e-6)


def test_group_norm_of_features_far_from_zero_does_not_cancel():
    x = jax.random.normal(jax.random.key(1), (4, 4, 4))
    np.testing.assert_allclose(
        apply(group_norm(2), 1e3 + x)[0], apply(group_norm(2), x)[0], atol=2e-3
    )


@pytest.mark.parametrize("norm", [partial(nn.GroupNorm, num_groups=2), nn.InstanceNorm])
def test_norms_that_take_the_first_axis_for_a_batch_are_refused(norm):
    with pytest.raises(ValueError, match=r"takes the first axis for a batch.*norm=group_norm"):
        ConvEncoder((4,), norm=norm).init(jax.random.key(0), jnp.ones((4, 4, 1)))


def test_a_group_norm_told_its_axes_is_accepted():
    told = partial(nn.GroupNorm, num_groups=2, reduction_axes=(0, 1, 2))
    x = jax.random.normal(jax.random.key(1), (4, 4, 4))
    np.testing.assert_allclose(apply(told, x)[0], apply(group_norm(2), x)[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (1, 1, 1), (4, 4, 1)])
def test_group_norm_of_one_channel(shape):
    """Of one number it is the bias; the gradient is finite."""
    x = jax.random.normal(jax.random.key(1), shape)
    y, _ = apply(group_norm(1), x)
    values = np.asarray(x, np.float64)
    standard = (values - values.mean()) / np.sqrt(values.var() + 1e-6)
    np.testing.assert_allclose(y, 2 * standard - 1, atol=2e-5)
    gradient = jax.grad(lambda x: (apply(group_norm(1), x)[0] ** 2).sum())(x)
    assert np.all(np.isfinite(gradient))


def test_groups_that_do_not_divide_or_are_none_are_refused():
    with pytest.raises(ValueError, match=r"groups \(2\) does not divide the number of channels"):
        apply(group_norm(2), jnp.ones((4, 4, 3)))
    for number in (0, -1, 2.0):
        with pytest.raises(ValueError, match=f"num_groups must be a Python int .* got {number}"):
            group_norm(number)


def test_equal_group_norms_are_one_function():
    assert group_norm(4) is group_norm(4)
    assert MLP((8,), norm=group_norm(4)) == MLP((8,), norm=group_norm(4))
    assert group_norm(4) is not group_norm(2)


@pytest.mark.parametrize("norm", [group_norm(2), nn.LayerNorm])
def test_half_precision_stays_half(norm):
    x = jnp.ones((4, 4, 4), jnp.bfloat16)
    assert apply(norm, x)[0].dtype == jnp.bfloat16


def test_the_averages_of_batch_norm_are_those_of_flax_on_the_same_batches():
    """Of flax's own layer, given each batch whole, as the weights were at that step."""
    body = MLP((4,), norm=batch_norm(0.9))
    model = vae(
        Network(body, GaussianHead((2,))),
        Network(MLP((3,)), GaussianHead((3,), FixedScale())),
        standard_gaussian(2),
    )
    step, key = descend(weighted_sum(model), optax.adam(1e-2)), jax.random.key(0)
    x = jax.random.normal(jax.random.key(1), (5, 6, 3)) * 2 + 1
    state, update = step.init(key, model.init(key, x[0, 0])), jax.jit(step.update)
    theirs = nn.BatchNorm(momentum=0.9, use_fast_variance=False, use_running_average=False)
    own = theirs.init(key, jnp.ones((6, 4)))
    for batch in x:
        layer = state.params["encoder"]["body"]["Dense_0"]
        seen = batch @ layer["kernel"] + layer["bias"][None]
        _, moved = theirs.apply(own, seen, mutable="batch_stats")
        own = {**own, **moved}
        state, _ = update(state, {"x": batch})
        found = state.params["state"]["batch_stats"]["encoder"]["body"]["BatchNorm_0"]
        for name in ("mean", "var"):
            expected = own["batch_stats"][name]
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)
    assert np.abs(found["mean"]).max() > 0.1


def test_whitened_features_have_no_correlations_over_batch_and_positions():
    """In evaluation they are whitened by the averages: of one batch again and again, by its own."""
    mixing = np.array([[2.0, 0, 0], [1, 0.1, 0], [-3, 1, 0.5]])
    x = jax.random.normal(jax.random.key(1), (50, 4, 3)) @ mixing.T + 5
    layer = Normed(whitening(0.5))
    own = layer.init(jax.random.key(0), x[0])

    def whitened(own):
        train = lambda x: layer.apply(own, x, mutable="batch_stats")  # noqa: E731
        return jax.vmap(train, axis_name="batch", out_axes=(0, None))(x)

    for _ in range(30):
        white, own = jax.jit(whitened)(own)
    flat = np.asarray(x, np.float64).reshape(-1, 3)
    S = np.cov(flat.T, bias=True)
    L = np.linalg.cholesky(S + 1e-5 * np.trace(S) / 3 * np.eye(3))
    expected = np.linalg.solve(L, (flat - flat.mean(axis=0)).T).T.reshape(50, 4, 3)
    np.testing.assert_allclose(white, expected, atol=2e-3)
    later = jax.jit(jax.vmap(lambda x: layer.apply(own, x)))(x)
    np.testing.assert_allclose(later, white, atol=1e-3)
    assert own["batch_stats"]["_Whitening_0"]["mean"].shape == (3,)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
def test_whitening_of_channels_that_others_determine(size):
    """Values and derivatives are finite, of any size, one of them always the same or not."""
    layer = Normed(whitening())
    own = layer.init(jax.random.key(0), jnp.ones(3))

    def cubes(x):
        train = lambda x: layer.apply(own, x, mutable="batch_stats")[0]  # noqa: E731
        return jnp.sum(jax.vmap(train, axis_name="batch")(x) ** 3)

    x = size * jnp.outer(jnp.arange(6.0), jnp.array([1.0, -2.0, 0.0])) + 1
    value, gradient = jax.jit(jax.value_and_grad(cubes))(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_as_many_vectors_as_channels_cannot_be_whitened():
    layer = Normed(whitening())
    own = layer.init(jax.random.key(0), jnp.ones(3))
    train = lambda x: layer.apply(own, x, mutable="batch_stats")[0]  # noqa: E731
    with pytest.raises(ValueError, match=r"of 3 channels .* given 3 vectors: make the batch"):
        jax.vmap(train, axis_name="batch")(jnp.ones((3, 3)))
