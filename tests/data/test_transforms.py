"""binarise, dequantise, scale, and the check of arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vae_jax.data import binarise, check_array, dequantise, prepare_fixed, scale

FACTORIES = [binarise, dequantise, scale]


@pytest.mark.parametrize("factory", FACTORIES)
def test_one_argument_one_function(factory):
    assert factory(255) is factory(255)
    assert factory(255) is not factory(16)
    assert hash(factory(255)) == hash(factory(255))


def test_a_second_call_of_the_factory_does_not_compile_again():
    traced = []

    @jax.jit
    def count(example):
        traced.append(1)
        return example

    run = jax.jit(lambda prepare, key, example: count(prepare(key, example)), static_argnums=0)
    x = jnp.arange(4, dtype=jnp.uint8)
    for seed in range(3):
        run(binarise(255), jax.random.key(seed), {"x": x})
    assert len(traced) == 1
    run(binarise(3), jax.random.key(0), {"x": x})
    assert run._cache_size() == 2


@pytest.mark.parametrize("factory", FACTORIES)
def test_float32_of_the_shape_of_x(factory):
    x = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    prepared = jax.jit(factory(16))(jax.random.key(0), {"x": x})["x"]
    assert prepared.shape == x.shape
    assert prepared.dtype == jnp.float32


def test_binarise_draws_with_probability_x_over_max_value():
    n = 20_000
    x = np.tile(np.array([0, 1, 4, 12, 16], np.uint8), (n, 1))
    draws = np.asarray(prepare_fixed(binarise(16), jax.random.key(1), {"x": x})["x"])
    p = x[0] / 16
    assert set(np.unique(draws)) == {0.0, 1.0}
    error = np.sqrt(p * (1 - p) / n)
    assert np.all(np.abs(draws.mean(0) - p) <= 4 * error)  # exactly 0 and 1 at the two ends


@pytest.mark.parametrize("max_value", [1, 16, 254, 255, 65535])
def test_dequantise_keeps_every_level_in_its_cell(max_value):
    levels = np.linspace(0, max_value, min(max_value + 1, 256)).astype(np.int32)
    x = np.tile(levels, (4096, 1))  # 2^20 draws: plain float32 noise fails here (next test)
    y = np.asarray(prepare_fixed(dequantise(max_value), jax.random.key(2), {"x": x})["x"])
    assert y.min() > 0
    assert y.max() < 1
    np.testing.assert_array_equal(np.floor(y.astype(np.float64) * (max_value + 1)), x)


def test_plain_float32_noise_would_leave_the_unit_interval():
    u = jax.random.uniform(jax.random.key(2), (2**20,))
    assert np.max(np.asarray((255 + u) / 256)) == 1.0


def test_dequantise_noise_is_uniform():
    x = np.full((50_000, 1), 7, np.uint8)
    y = np.asarray(prepare_fixed(dequantise(255), jax.random.key(3), {"x": x})["x"])[:, 0]
    assert stats.kstest(y * 256.0 - 7, "uniform").pvalue > 1e-3


def test_dequantised_density_bounds_the_probability_of_the_integer():
    """log P(x) >= E_u log p(y) - log(max_value + 1), tight where p hardly changes in a cell."""
    density, x, n = stats.norm(0.4, 0.2), 5, 4096
    log_mass = np.log(density.cdf((x + 1) / 17) - density.cdf(x / 17))
    y = prepare_fixed(dequantise(16), jax.random.key(4), {"x": np.full((n, 1), x)})["x"]
    terms = density.logpdf(np.asarray(y, np.float64)) - np.log(17)
    error = terms.std() / np.sqrt(n)
    gap = log_mass - terms.mean()
    assert -4 * error < gap < 0.01
    # The cell is 0.29 standard deviations wide: to first order the gap is half the variance.
    assert gap == pytest.approx(terms.var() / 2, abs=5 * error)


def test_scale():
    x = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(
        scale(255)(jax.random.key(0), {"x": x})["x"], [0.0, 0.2, 1.0], rtol=1e-7
    )


@pytest.mark.parametrize("factory", [binarise, dequantise])
def test_prepare_fixed_gives_each_example_its_own_key(factory):
    x = np.full((3, 4, 4, 1), 100, np.uint8)
    key = jax.random.key(5)
    fixed = prepare_fixed(factory(255), key, {"x": x})["x"]
    keys = jax.random.split(key, 3)
    by_hand = [factory(255)(k, {"x": row})["x"] for k, row in zip(keys, x, strict=True)]
    np.testing.assert_array_equal(fixed, np.stack(by_hand))
    assert not np.array_equal(fixed[0], fixed[1])
    np.testing.assert_array_equal(fixed, prepare_fixed(factory(255), key, {"x": x})["x"])


@pytest.mark.parametrize("x", [np.zeros((0, 4)), np.float32(1)])
def test_prepare_fixed_needs_examples(x):
    with pytest.raises(ValueError, match=r"needs \[N, \.\.\.\] with N >= 1"):
        prepare_fixed(scale(1), jax.random.key(0), {"x": x})


@pytest.mark.parametrize("examples", [np.zeros((3, 4)), {"y": np.zeros((3, 4))}])
def test_prepare_fixed_needs_a_dict(examples):
    with pytest.raises(TypeError, match="takes a dict of examples"):
        prepare_fixed(scale(1), jax.random.key(0), examples)


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_array_of_a_tree_is_prepared_and_the_condition_is_not(factory):
    x = {"left": np.full((3, 8, 8), 100, np.uint8), "right": np.full((3, 8, 8), 100, np.uint8)}
    made = prepare_fixed(factory(255), jax.random.key(0), {"x": x, "c": np.arange(3)})
    np.testing.assert_array_equal(made["c"], np.arange(3))
    assert all(part.dtype == jnp.float32 for part in made["x"].values())
    same = np.array_equal(made["x"]["left"], made["x"]["right"])
    assert same == (factory is scale)  # else by keys of their own


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("max_value", [0, -1, float("nan")])
def test_max_value_is_checked(factory, max_value):
    with pytest.raises(ValueError, match="needs the largest intensity"):
        factory(max_value)


@pytest.mark.parametrize("max_value", [0.5, 1.5, 65536])
def test_dequantise_needs_integer_levels(max_value):
    with pytest.raises(ValueError, match=r"integer in 1 \.\. 65535"):
        dequantise(max_value)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3), bool),
        jnp.ones((2, 3), jnp.bfloat16),
        [[1.0, 2.0]],
    ],
)
def test_check_array_accepts_numbers(x):
    check_array(x, "x")


def test_check_array_counts_what_is_bad_and_says_where():
    x = np.zeros((4, 3), np.float32)
    x[2, 1] = x[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"train \[4, 3\] has 2 NaN values.*index \(2, 1\)"):
        check_array(x, "train")
    x = np.zeros((4, 3), np.float32)
    x[1, 2], x[3, 0], x[3, 1] = np.inf, -np.inf, np.inf
    with pytest.raises(ValueError, match=r"has 3 infinite values.*index \(1, 2\)"):
        check_array(x, "x")
    with pytest.raises(ValueError, match="1 NaN values"):
        check_array(jnp.array([0.0, jnp.nan], jnp.bfloat16), "x")


@pytest.mark.parametrize("x", [np.zeros((0, 28, 28)), np.zeros((5, 0)), np.float32(3.0), []])
def test_check_array_refuses_empty_data(x):
    with pytest.raises(ValueError, match=r"no example"):
        check_array(x, "x")


@pytest.mark.parametrize("x", [np.array([{}, None]), np.array(["a", "b"]), [b"a"]])
def test_check_array_refuses_what_are_no_numbers(x):
    with pytest.raises(TypeError, match="numbers are needed"):
        check_array(x, "x")
