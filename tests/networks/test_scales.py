"""Scales of a Gaussian head, and their floor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Gaussian, kl, standard_gaussian
from vae_jax.networks import (
    DataScale,
    FixedScale,
    LearnedScale,
    PredictedScale,
    soft_ceiling,
    soft_floor,
)

FEATURES = jnp.array([1.0, -2.0, 0.5])
RAW = jnp.array([-1e30, -1e4, -90.0, -20.0, -6.0, 0.0, 5.0, 1e4, 1e30])


def call(scale, event_shape=(2, 3), features=FEATURES):
    init = jax.jit(scale.init_with_output, static_argnums=2)
    log_scale, params = init(jax.random.key(0), features, event_shape)
    return params, log_scale


def test_the_soft_floor_is_the_log_of_a_sum():
    raw = jnp.linspace(-12, 6, 50)
    expected = np.logaddexp(np.asarray(raw, np.float64), -6.0)
    # raw + 6, up to 12, and its softplus are each rounded by half of 2^-20
    np.testing.assert_allclose(soft_floor(raw, -6.0), expected, rtol=0, atol=2**-20)


def test_the_soft_floor_is_a_bound_and_finite_at_extremes():
    bounded = soft_floor(RAW, -6.0)
    assert np.all(bounded >= -6.0)
    assert np.all(np.isfinite(bounded))
    np.testing.assert_array_equal(bounded[-2:], RAW[-2:])
    np.testing.assert_array_equal(soft_floor(RAW, None), RAW)


def test_the_gradient_of_the_soft_floor_is_positive_and_finite():
    gradient = jax.vmap(jax.grad(lambda raw: soft_floor(raw, -6.0)))
    usual = jnp.linspace(-90.0, 100.0, 39)
    assert np.all(gradient(usual) > 0)
    np.testing.assert_allclose(gradient(usual), jax.nn.sigmoid(usual + 6), rtol=1e-5)
    assert np.all(np.isfinite(gradient(RAW)))


def test_the_soft_ceiling_is_a_bound_and_leaves_the_rest():
    bounded = soft_ceiling(RAW, 5.0)
    assert np.all(bounded <= 5.0)
    np.testing.assert_array_equal(bounded[:6], RAW[:6])
    np.testing.assert_allclose(soft_ceiling(jnp.array([4.0, 5.0, 13.0]), 5.0), [4, 4.5, 4.9])
    np.testing.assert_array_equal(soft_ceiling(RAW, None), RAW)


def test_the_gradient_of_the_soft_ceiling_comes_back():
    gradient = jax.vmap(jax.grad(lambda raw: soft_ceiling(raw, 5.0)))
    places = jnp.array([-1e30, 0.0, 4.0, 5.0, 200.0, 1e30])
    expected = [1, 1, 1, 1 / 4, 1 / 197**2, 0]
    np.testing.assert_allclose(gradient(places), expected, rtol=1e-5)


def test_a_predicted_scale_of_any_features_has_a_finite_rate():
    params, _ = call(PredictedScale(), (2,))
    far_above = jax.tree.map(lambda leaf: 0 * leaf + 200, params)
    features = jnp.ones(3)

    def rate(params):
        log_scale = PredictedScale().apply(params, features, (2,))
        return kl(Gaussian(jnp.zeros(2), log_scale), standard_gaussian(2))

    value, gradient = jax.value_and_grad(rate)(far_above)
    assert np.isfinite(value)
    assert all(jnp.all(jnp.isfinite(leaf) & (leaf > 0)) for leaf in jax.tree.leaves(gradient))


def test_the_soft_floor_of_half_precision_is_worked_out_in_single():
    raw = jnp.array([-9.0], jnp.bfloat16)
    assert soft_floor(raw, None).dtype == jnp.float32
    np.testing.assert_allclose(soft_floor(raw, -6.0), np.logaddexp(-9.0, -6.0), rtol=1e-6)


def test_a_fixed_scale_has_no_parameters():
    params, log_scale = call(FixedScale(-1.5))
    assert params == {}
    np.testing.assert_array_equal(log_scale, np.full((2, 3), -1.5))


def test_a_scale_of_the_data_is_kept_and_not_moved():
    scale = DataScale(lambda key, shape, dtype: jnp.full(shape, -1.5, dtype))
    params, log_scale = call(scale)
    assert params == {"params": {"log_scale": -1.5}}
    np.testing.assert_array_equal(log_scale, np.full((2, 3), -1.5))
    gradient = jax.grad(lambda p: scale.apply(p, FEATURES, (2, 3)).sum())(params)
    assert gradient == {"params": {"log_scale": 0.0}}


def test_a_learned_scale_is_one_parameter_for_all_dimensions():
    params, log_scale = call(LearnedScale(floor=-2.0, initial=0.5))
    assert params == {"params": {"log_scale": 0.05}}
    np.testing.assert_allclose(log_scale, np.full((2, 3), np.logaddexp(0.5, -2.0)), rtol=1e-6)
    np.testing.assert_array_equal(call(LearnedScale(None, 0.5))[1], np.full((2, 3), 0.5))


def test_a_predicted_scale_is_a_dense_layer_of_the_features():
    params, log_scale = call(PredictedScale(floor=-2.0))
    layer = params["params"]["log_scale"]
    assert jax.tree.map(jnp.shape, layer) == {"kernel": (3, 6), "bias": (6,)}
    raw = (FEATURES @ layer["kernel"] + layer["bias"]).reshape(2, 3)
    np.testing.assert_allclose(log_scale, np.logaddexp(raw, -2.0), rtol=1e-5)
    np.testing.assert_allclose(call(PredictedScale(None))[1], raw, rtol=1e-5)


def test_a_predicted_scale_begins_about_where_it_is_told_to():
    nothing = jnp.zeros(3)  # of which the bias is left
    _, log_scale = call(PredictedScale(None, initial=0.5), features=nothing)
    np.testing.assert_array_equal(log_scale, np.full((2, 3), 0.5))
    many = PredictedScale(None, initial=lambda key, shape, dtype: jnp.arange(6, dtype=dtype))
    np.testing.assert_array_equal(call(many, features=nothing)[1], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("scale", [FixedScale(), LearnedScale(), PredictedScale()])
@pytest.mark.parametrize("event_shape", [(), (4,), (2, 3)])
def test_the_shape_is_the_events(scale, event_shape):
    assert call(scale, event_shape)[1].shape == event_shape


def test_floors_are_where_they_are_said_to_be():
    far_below = {"params": {"log_scale": jnp.float32(-1e4)}}
    assert LearnedScale().apply(far_below, FEATURES, ()) == -6.0
    kernel, bias = jnp.zeros((3, 1)), jnp.full(1, -1e4)
    far_below = {"params": {"log_scale": {"kernel": kernel, "bias": bias}}}
    assert PredictedScale().apply(far_below, FEATURES, (1,)) == -6.0
    assert PredictedScale(floor=None).apply(far_below, FEATURES, (1,)) == -1e4


def test_floor_and_ceiling_together_against_float64():
    """Values and gradients, up to the largest numbers there are."""
    ends = np.array([-3e38, -1e4, -80.0, -6.0, 0.0, 19.0, 19.5, 25.0, 1e4, 3e38], np.float32)

    def bounded(raw):
        return soft_ceiling(soft_floor(raw, -6.0), 20.0)

    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(bounded)))(ends)
    raw = ends.astype(np.float64)
    above = np.logaddexp(raw, -6.0)
    over = np.maximum(above - 19, 0)
    np.testing.assert_allclose(values, np.where(over > 0, 20 - 1 / (1 + over), above), atol=2e-6)
    expected = np.exp(raw - above) / (1 + over) ** 2
    np.testing.assert_allclose(slopes, expected, rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("bound", [np.nan, np.inf, -np.inf])
def test_bounds_that_are_not_finite_are_refused(bound):
    with pytest.raises(ValueError, match="floor of a scale must be finite, or None for none; got"):
        call(PredictedScale(floor=bound, ceiling=None))
    with pytest.raises(ValueError, match="ceiling of a scale must be finite, or None"):
        call(PredictedScale(floor=None, ceiling=bound))
    with pytest.raises(ValueError, match="floor of a scale must be finite"):
        call(LearnedScale(floor=bound))


@pytest.mark.parametrize("floor", [19.0, 25.0])
def test_a_floor_that_the_ceiling_would_break_is_refused(floor):
    with pytest.raises(ValueError, match=rf"more than 1 below its ceiling; got {floor} and 20\.0"):
        call(PredictedScale(floor=floor))
    assert np.all(call(PredictedScale(floor=18.5))[1] >= 18.5)
