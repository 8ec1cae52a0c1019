"""Convolutional bodies: sizes, order of operations, conditions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax.networks import ConvDecoder, ConvEncoder, pooled, resized, strided, transposed

SIZES = [((28, 28, 1), (4, 4)), ((7, 7, 1), (1, 1)), ((5, 9, 2), (1, 2)), ((32, 32, 3), (4, 4))]


def shapes(tree):
    return jax.tree.map(jnp.shape, tree)


def init(body, x, c=None):
    return jax.jit(body.init)(jax.random.key(0), x, c)


@pytest.mark.parametrize("down", [strided, pooled])
@pytest.mark.parametrize(("image", "smallest"), SIZES)
def test_encoder_halves_rounding_up(image, smallest, down):
    body = ConvEncoder((2, 3, 5), down=down)
    params = jax.eval_shape(body.init, jax.random.key(0), jnp.ones(image))
    assert shapes(params["params"]) == {
        "Conv_0": {"kernel": (4, 4, image[-1], 2), "bias": (2,)},
        "Conv_1": {"kernel": (4, 4, 2, 3), "bias": (3,)},
        "Conv_2": {"kernel": (4, 4, 3, 5), "bias": (5,)},
    }
    features = jax.eval_shape(body.apply, params, jnp.ones(image))
    assert features.shape == (smallest[0] * smallest[1] * 5,)


@pytest.mark.parametrize(("up", "layer"), [(transposed, "ConvTranspose"), (resized, "Conv")])
@pytest.mark.parametrize(("image", "smallest"), SIZES)
def test_decoder_ends_at_the_image_size(image, smallest, up, layer):
    body = ConvDecoder(image[:2], (5, 3, 2), up=up)
    params = jax.eval_shape(body.init, jax.random.key(0), jnp.ones(6))
    F = smallest[0] * smallest[1] * 5
    assert shapes(params["params"]) == {
        "Dense_0": {"kernel": (6, F), "bias": (F,)},
        f"{layer}_0": {"kernel": (4, 4, 5, 5), "bias": (5,)},
        f"{layer}_1": {"kernel": (4, 4, 5, 3), "bias": (3,)},
        f"{layer}_2": {"kernel": (4, 4, 3, 2), "bias": (2,)},
    }
    assert jax.eval_shape(body.apply, params, jnp.ones(6)).shape == (*image[:2], 2)


def windows(x):
    """The 3x3 neighbourhoods of x [H, W], with zeros outside: [H, W, 3, 3]."""
    padded = np.pad(x, 1)
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3))


def test_pooled_is_convolution_then_the_largest_of_each_square():
    x = jax.random.normal(jax.random.key(1), (5, 5, 1))
    body = ConvEncoder((1,), down=pooled, kernel_size=3, activation=jnp.tanh)
    params = init(body, x)
    kernel = np.asarray(params["params"]["Conv_0"]["kernel"])[..., 0, 0]
    convolved = np.einsum("hwij,ij->hw", windows(np.asarray(x)[..., 0]), kernel)
    padded = np.pad(convolved, ((0, 1), (0, 1)), constant_values=-np.inf)
    largest = padded.reshape(3, 2, 3, 2).max(axis=(1, 3))
    np.testing.assert_allclose(jax.jit(body.apply)(params, x), np.tanh(largest).ravel(), atol=1e-5)


def test_strided_is_every_second_pixel_of_a_convolution():
    x = jax.random.normal(jax.random.key(1), (5, 5, 1))
    body = ConvEncoder((1,), down=strided, kernel_size=3, activation=jnp.tanh)
    params = init(body, x)
    kernel = np.asarray(params["params"]["Conv_0"]["kernel"])[..., 0, 0]
    convolved = np.einsum("hwij,ij->hw", windows(np.asarray(x)[..., 0]), kernel)[::2, ::2]
    np.testing.assert_allclose(
        jax.jit(body.apply)(params, x), np.tanh(convolved).ravel(), atol=1e-5
    )


def test_resized_repeats_pixels_then_convolves():
    body = ConvDecoder((4, 6), (1,), up=resized, kernel_size=3, activation=jnp.tanh)
    z = jnp.array([0.3, -1.0])
    params = init(body, z)
    p = jax.tree.map(np.asarray, params["params"])
    small = np.tanh(z @ p["Dense_0"]["kernel"]).reshape(2, 3)
    repeated = small.repeat(2, axis=0).repeat(2, axis=1)
    expected = np.einsum("hwij,ij->hw", windows(repeated), p["Conv_0"]["kernel"][..., 0, 0])
    np.testing.assert_allclose(jax.jit(body.apply)(params, z)[..., 0], np.tanh(expected), atol=1e-5)


def test_transposed_spreads_each_pixel_by_the_kernel():
    body = ConvDecoder((3, 3), (1,), up=transposed, kernel_size=2, activation=jnp.tanh)
    z = jnp.array([0.3, -1.0])
    params = init(body, z)
    p = jax.tree.map(np.asarray, params["params"])
    small = np.tanh(z @ p["Dense_0"]["kernel"]).reshape(2, 2)
    # kernel size = stride: blocks that do not overlap (flax flips the kernel); 4x4, cropped to 3x3
    blocks = np.kron(small, p["ConvTranspose_0"]["kernel"][::-1, ::-1, 0, 0])[:3, :3]
    np.testing.assert_allclose(jax.jit(body.apply)(params, z)[..., 0], np.tanh(blocks), atol=1e-5)


@pytest.mark.parametrize("body", [ConvEncoder((3, 3)), ConvDecoder((5, 6), (3, 3))])
def test_a_condition_changes_the_features(body):
    x = jnp.ones((5, 6, 2))
    c = jnp.array([1.0, 0.0])
    params = init(body, x, c)
    features = jax.jit(body.apply)(params, x, c)
    assert np.max(np.abs(features - jax.jit(body.apply)(params, x, c[::-1]))) > 1e-3


def test_the_encoder_sees_the_condition_as_constant_channels():
    x, c = jax.random.normal(jax.random.key(1), (5, 6, 1)), jnp.array([2.0, -3.0])
    params = init(ConvEncoder((3,)), x, c)
    channels = jnp.concatenate([x, jnp.full((5, 6, 1), 2.0), jnp.full((5, 6, 1), -3.0)], axis=-1)
    apply = jax.jit(ConvEncoder((3,)).apply)
    np.testing.assert_array_equal(apply(params, x, c), apply(params, channels))


def test_norm_comes_between_convolution_and_activation():
    x = jax.random.normal(jax.random.key(1), (4, 4, 1))
    body = ConvEncoder((3,), norm=nn.LayerNorm)
    params = init(body, x)
    conv = nn.Conv(3, (4, 4), strides=(2, 2))
    convolved = jax.jit(conv.apply)({"params": params["params"]["Conv_0"]}, x)
    standard = (convolved - convolved.mean(-1, keepdims=True)) / jnp.sqrt(
        convolved.var(-1, keepdims=True) + 1e-6
    )
    np.testing.assert_allclose(jax.jit(body.apply)(params, x), nn.relu(standard).ravel(), atol=1e-4)


def test_one_example_in_a_batch_is_as_alone():
    body = ConvDecoder((5, 5), (3, 3))
    z = jax.random.normal(jax.random.key(1), (4, 2))
    params = init(body, z[0])
    batch = jax.jit(jax.vmap(lambda z: body.apply(params, z)))(z)
    np.testing.assert_allclose(batch[2], jax.jit(body.apply)(params, z[2]), atol=1e-5)


@pytest.mark.parametrize(("up", "down"), [(transposed, strided), (resized, pooled)])
def test_half_precision_arithmetic_keeps_float32_parameters(up, down):
    for body, x in [
        (ConvEncoder((2,), down=down, dtype=jnp.bfloat16), jnp.ones((5, 5, 1))),
        (ConvDecoder((5, 5), (2,), up=up, dtype=jnp.bfloat16), jnp.ones(3)),
    ]:
        params = jax.eval_shape(body.init, jax.random.key(0), x)
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
        assert jax.eval_shape(body.apply, params, x).dtype == jnp.bfloat16


def test_an_image_without_channels_is_refused():
    with pytest.raises(
        ValueError, match=r"one image \[H, W, C\].*shape \(28, 28\).*x\[..., None\]"
    ):
        init(ConvEncoder((3,)), jnp.ones((28, 28)))


def test_an_image_size_with_channels_and_a_decoder_without_stages_are_refused():
    with pytest.raises(ValueError, match=r"image_size=\(28, 28, 1\).*needs image_size=\(H, W\)"):
        init(ConvDecoder((28, 28, 1), (3,)), jnp.ones(2))
    with pytest.raises(ValueError, match=r"0 numbers of channels.*one stage or more"):
        init(ConvDecoder((28, 28), ()), jnp.ones(2))


@pytest.mark.parametrize(
    ("body", "x"),
    [
        (ConvEncoder((4, 8), dropout=0.5), jnp.ones((8, 8, 1))),
        (ConvDecoder((8, 8), (8, 4), dropout=0.5), jnp.ones(3)),
    ],
    ids=["encoder", "decoder"],
)
def test_dropout_is_on_with_a_key_alone(body, x):
    params = body.init(jax.random.key(0), x)
    off = body.apply(params, x)
    np.testing.assert_array_equal(off, body.clone(dropout=0.0).apply(params, x))
    on = body.apply(params, x, rngs={"dropout": jax.random.key(1)})
    # at least a third of several hundred features is dropped, beyond those that relu has zeroed
    assert (on == 0).mean() > (off == 0).mean() + 1 / 3 * (off != 0).mean()


@pytest.mark.parametrize("size", [(9,), (5, 3, 4)], ids=["series", "volumes"])
@pytest.mark.parametrize(("up", "down"), [(transposed, strided), (resized, pooled)])
def test_series_and_volumes_by_the_same_bodies(size, up, down):
    axes = len(size)
    x = jax.random.normal(jax.random.key(1), (*size, 2))
    encoder = ConvEncoder((3, 4), down=down, axes=axes)
    params = jax.eval_shape(encoder.init, jax.random.key(0), x)
    kernel = params["params"]["Conv_1"]["kernel"].shape
    assert kernel == (*[4] * axes, 3, 4)
    features = jax.eval_shape(encoder.apply, params, x)
    assert features.shape == (np.prod([-(-side // 4) for side in size]) * 4,)
    decoder = ConvDecoder(size, (4, 3), up=up, axes=axes)
    others = jax.eval_shape(decoder.init, jax.random.key(0), features)
    assert jax.eval_shape(decoder.apply, others, features).shape == (*size, 3)


def test_an_example_with_other_axes_is_refused():
    with pytest.raises(ValueError, match=r"one series \[T, C\].*axes=3 for volumes"):
        init(ConvEncoder((3,), axes=1), jnp.ones((4, 4, 1)))
    with pytest.raises(ValueError, match=r"axes=2 was given image_size=\(28,\).*with axes=1"):
        init(ConvDecoder((28,), (3,)), jnp.ones(2))
