import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from vae_jax.distributions import Categorical


def _logits_and_value(dtype):
    rng = np.random.default_rng(0)
    return 2 * rng.normal(size=(4, 5, 6)).astype(dtype), rng.integers(0, 6, size=(4, 5))


def test_log_prob_is_scipys(precision):
    logits, x = _logits_and_value(precision.dtype)
    ours = Categorical(jnp.array(logits)).log_prob(jnp.array(x))
    log_p = scipy.special.log_softmax(logits.astype(np.float64), axis=-1)
    theirs = sum(log_p[i, j, x[i, j]] for i, j in np.ndindex(4, 5))
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32])
@pytest.mark.parametrize("num_classes", [256, 300])
def test_eight_bit_colours(dtype, num_classes):
    """The number of classes does not fit in a uint8."""
    x = np.array([[0, 255], [128, 7]], dtype)
    q = Categorical(jnp.zeros((2, 2, num_classes)))
    assert q.in_support(jnp.array(x))
    assert q.in_support(x)
    np.testing.assert_allclose(q.log_prob(jnp.array(x)), -4 * np.log(num_classes), rtol=1e-6)


def test_gradient_is_the_closed_form(precision):
    logits, x = _logits_and_value(precision.dtype)
    grad = jax.grad(lambda q: q.log_prob(jnp.array(x)))(Categorical(jnp.array(logits)))
    expected = np.eye(6)[x] - scipy.special.softmax(logits.astype(np.float64), axis=-1)
    np.testing.assert_allclose(grad.logits, expected, rtol=0, atol=precision.rtol)


@pytest.mark.parametrize(
    ("x", "log_prob", "gradient"),
    [(0, 0, [0, 0, 0]), (1, -1e4, [-1, 1, 0]), (2, -2e4, [-1, 0, 1])],
)
def test_extreme_logits(x, log_prob, gradient):
    f = jax.value_and_grad(lambda logits: Categorical(logits).log_prob(x))
    value, grad = f(jnp.array([1e4, 0.0, -1e4]))
    assert value == log_prob
    np.testing.assert_array_equal(grad, gradient)


def test_impossible_class():
    """A logit of -inf, a mask: the other classes keep finite gradients."""
    logits = jnp.array([0.0, -jnp.inf, 0.0])
    value, grad = jax.value_and_grad(lambda logits: Categorical(logits).log_prob(0))(logits)
    np.testing.assert_allclose(value, -np.log(2), rtol=1e-6)
    np.testing.assert_allclose(grad, [0.5, 0, -0.5], rtol=1e-6)
    assert Categorical(logits).log_prob(1) == -jnp.inf


@pytest.mark.parametrize("bad", [-1, 3, 255, 2**31 - 1])
def test_class_out_of_range(bad):
    q = Categorical(jnp.array([[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]]))
    assert q.log_prob(jnp.array([1, bad])) == -jnp.inf
    assert not q.in_support(jnp.array([1, bad]))


@pytest.mark.parametrize("dtype", [np.int64, np.uint32, np.uint64])
def test_class_beyond_32_bits(dtype, x64):
    """2^32 is 0 modulo 2^32."""
    q, x = Categorical(jnp.array([0.0, 1.0])), jnp.array(np.iinfo(dtype).max, dtype)
    for bad in (x, x // 2 + 1, x - x % 2**31):
        assert q.log_prob(bad) == -jnp.inf
        assert not q.in_support(bad)


def test_support():
    q = Categorical(jnp.zeros((2, 3)))
    assert q.in_support(jnp.array([0, 2]))
    for bad in (0.5, jnp.nan, jnp.inf, -jnp.inf):
        assert not q.in_support(jnp.array([1.0, bad]))


@pytest.mark.parametrize("dtype", [jnp.float32, bool])
def test_classes_that_are_no_integers(dtype):
    with pytest.raises(TypeError, match=r"takes integer classes.*x\.astype\(int\)"):
        Categorical(jnp.zeros((2, 3))).log_prob(jnp.zeros(2, dtype))


def test_one_hot_is_a_wrong_shape():
    with pytest.raises(ValueError, match=r"Categorical has events of shape \(2,\).*jax\.vmap"):
        Categorical(jnp.zeros((2, 3))).log_prob(jnp.zeros((2, 3), int))


def test_no_mean():
    with pytest.raises(TypeError, match=r"Categorical has no mean.*sample\(key\)"):
        Categorical(jnp.zeros(3)).mean()
