"""Convolutions as matrix products: the numbers, parameters and types of lax's and of flax's."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import export, lax

from vae_jax.networks import ConvDecoder, ConvEncoder
from vae_jax.networks.products import (
    Conv,
    ConvTranspose,
    _product_convolution,
    _product_transposed,
    convolved,
    transpose_convolved,
)

LAYOUTS = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
# every remainder of 2 and 3; smaller than a kernel; series and volumes as well
IMAGES = {1: [(5,), (6,)], 2: [(5, 9), (6, 4), (1, 2)], 3: [(5, 2, 3)]}
KERNELS = [(1, 1), (2, 5), (3, 2), (4, 4), (5, 3), (4,), (3, 2, 4)]
LAYERS = [(Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)]


def convolution(x, kernel, stride):
    n = x.ndim - 1
    how = {"padding": "SAME", "dimension_numbers": LAYOUTS[n]}
    return lax.conv_general_dilated(x[None], kernel, (stride,) * n, **how)[0]


def transposed_convolution(x, kernel, stride):
    n = x.ndim - 1
    how = {"padding": "SAME", "dimension_numbers": LAYOUTS[n]}
    return lax.conv_transpose(x[None], kernel, (stride,) * n, **how)[0]


PAIRS = [
    pytest.param(_product_convolution, convolution, id="convolution"),
    pytest.param(_product_transposed, transposed_convolution, id="transposed"),
]


def normal(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def value_and_gradients(f, x, kernel, stride):
    """y = f, and the gradients of sum(sin(y)) in x and the kernel."""
    value, pulled_back = jax.vjp(lambda x, kernel: f(x, kernel, stride), x, kernel)
    return value, pulled_back(jnp.cos(value))


def assert_close(ours, reference):
    """Equal but for rounding, in float64; the sums are of at most 5 * 9 * 3 products."""
    chex.assert_trees_all_close(ours, reference, rtol=1e-11, atol=1e-12)
    chex.assert_type(jax.tree.leaves(ours), np.float64)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", KERNELS)
@pytest.mark.parametrize(("ours", "reference"), PAIRS)
def test_values_and_gradients_are_those_of_lax(ours, reference, size, stride, x64):
    kernel = normal(0, *size, 2, 3)
    images = [normal(1, *image, 2) for image in IMAGES[len(size)]]
    ours, reference = (
        jax.jit(lambda xs, f=f: [value_and_gradients(f, x, kernel, stride) for x in xs])(images)
        for f in (ours, reference)
    )
    assert_close(ours, reference)


@pytest.mark.parametrize("kernels", [None, 0], ids=["one kernel", "a kernel each"])
@pytest.mark.parametrize(("ours", "reference"), PAIRS)
def test_a_compiled_batch_is_its_examples(ours, reference, kernels, x64):
    x, kernel = normal(0, 3, 5, 8, 2), normal(1, *(() if kernels is None else (3,)), 4, 3, 2, 5)

    def loss(kernel, x):
        y = jax.vmap(lambda x, kernel: ours(x, kernel, 2), (0, kernels))(x, kernel)
        return jnp.sum(jnp.sin(y)), y

    def loss_one_by_one(kernel, x):
        each = [kernel] * 3 if kernels is None else kernel
        y = jnp.stack([reference(x, kernel, 2) for x, kernel in zip(x, each, strict=True)])
        return jnp.sum(jnp.sin(y)), y

    batch, one_by_one = (
        jax.jit(jax.value_and_grad(f, argnums=(0, 1), has_aux=True))(kernel, x)
        for f in (loss, loss_one_by_one)
    )
    assert_close(batch, one_by_one)


class Parent(nn.Module):
    layer: Callable[[], nn.Module]

    @nn.compact
    def __call__(self, x):
        return self.layer()(x)


def stages(ours, flaxs, dtype):
    """The layer in a parent, ours and flax's."""
    options = {"kernel_init": nn.initializers.he_normal(), "dtype": dtype}
    return (
        Parent(lambda: ours(3, (4, 3), stride=2, **options)),
        Parent(lambda: flaxs(3, (4, 3), strides=(2, 2), padding="SAME", **options)),
    )


def parameters_agree(ours, flaxs, x):
    """What both start from, if it is the same."""
    started, expected = (jax.jit(stage.init)(jax.random.key(0), x) for stage in (ours, flaxs))
    jax.tree.map(np.testing.assert_array_equal, started, expected)
    jax.tree.map(lambda a, b: chex.assert_type(a, b.dtype), started, expected)
    return expected


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        (None, jnp.float32),
        (None, jnp.uint8),
        (jnp.float32, jnp.bfloat16),
        (jnp.bfloat16, jnp.float32),
    ],
)
@pytest.mark.parametrize(("ours", "flaxs"), LAYERS)
def test_the_layers_are_those_of_flax(ours, flaxs, dtype, given):
    stage, expected = stages(ours, flaxs, dtype)
    x = (4 * jnp.abs(normal(1, 7, 6, 2))).astype(given)
    params = parameters_agree(stage, expected, x)
    assert list(params["params"]) == [f"{ours.__name__}_0"]
    params = jax.tree.map(lambda p: p + 0.5, params)  # a bias that is not zero
    y, reference = (jax.jit(s.apply)(params, x) for s in (stage, expected))
    assert y.dtype == reference.dtype
    # 2^-8 of a bfloat16's result, and of terms that cancel in it
    tolerance = {"rtol": 1e-2, "atol": 0.1} if y.dtype == jnp.bfloat16 else {"rtol": 1e-4}
    np.testing.assert_allclose(y.astype(float), reference.astype(float), **tolerance)


@pytest.mark.parametrize(("ours", "flaxs"), LAYERS)
def test_parameters_are_float32_where_arrays_are_float64(ours, flaxs, x64):
    stage, expected = stages(ours, flaxs, None)
    params = parameters_agree(stage, expected, normal(1, 5, 5, 2))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float32)}


def program_for(platform, f, *args):
    return export.export(jax.jit(f), platforms=(platform,))(*args).mlir_module()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("operation", [convolved, transpose_convolved])
def test_other_devices_run_the_convolution_itself(operation, stride):
    """Lowered here, by a process that has a CPU alone."""
    x, kernel = jnp.ones((5, 8, 2)), jnp.ones((4, 3, 2, 5))
    for platform, convolutions in (("cpu", 0), ("tpu", 1), ("cuda", 1)):
        program = program_for(platform, lambda x, k: operation(x, k, stride), x, kernel)
        assert program.count("stablehlo.convolution") == convolutions


def test_no_convolution_is_left_in_a_compiled_gradient():
    encoder, decoder = ConvEncoder((2, 3)), ConvDecoder((7, 7), (3, 2))
    x = jnp.ones((4, 7, 7, 1))
    params = jax.eval_shape(encoder.init, jax.random.key(0), x[0])
    features = jax.eval_shape(encoder.apply, params, x[0])
    others = jax.eval_shape(decoder.init, jax.random.key(1), features)

    def loss(params, others):
        return jnp.sum(jax.vmap(lambda x: decoder.apply(others, encoder.apply(params, x)))(x) ** 2)

    gradient = jax.grad(loss, argnums=(0, 1))
    compiled = jax.jit(gradient).lower(params, others).compile().as_text()
    assert "convolution(" not in compiled
    assert " conditional(" not in compiled
    # four layers, of each its value and two gradients, but for that of the image
    assert program_for("tpu", gradient, params, others).count("stablehlo.convolution") == 11
