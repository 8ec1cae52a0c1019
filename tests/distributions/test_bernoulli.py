import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vae_jax.distributions import Bernoulli


def _logits_and_value(dtype):
    rng = np.random.default_rng(0)
    return 3 * rng.normal(size=(4, 5)).astype(dtype), (rng.random((4, 5)) < 0.5).astype(dtype)


def test_log_prob_is_scipys(precision):
    logits, x = _logits_and_value(precision.dtype)
    ours = Bernoulli(jnp.array(logits)).log_prob(jnp.array(x))
    probabilities = scipy.special.expit(logits.astype(np.float64))
    theirs = scipy.stats.bernoulli.logpmf(x.astype(int), probabilities).sum()
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, jnp.bfloat16])
def test_value_may_have_any_dtype(dtype):
    logits, x = _logits_and_value(np.float32)
    q = Bernoulli(jnp.array(logits))
    np.testing.assert_array_equal(q.log_prob(jnp.array(x, dtype)), q.log_prob(jnp.array(x)))


def test_gradient_is_the_closed_form(precision):
    logits, x = _logits_and_value(precision.dtype)
    grad = jax.grad(lambda q: q.log_prob(jnp.array(x)))(Bernoulli(jnp.array(logits)))
    expected = x - scipy.special.expit(logits.astype(np.float64))
    # 1 - sigmoid cancels: the error is relative to 1
    np.testing.assert_allclose(grad.logits, expected, rtol=0, atol=precision.rtol)


@pytest.mark.parametrize(
    ("logit", "x", "log_prob", "gradient"),
    [
        (0, 0, -np.log(2), -0.5),
        (0, 1, -np.log(2), 0.5),
        (1e4, 1, 0, 0),
        (1e4, 0, -1e4, -1),
        (-1e4, 1, -1e4, 1),
        (-1e4, 0, 0, 0),
        (np.inf, 1, 0, 0),
        (np.inf, 0, -np.inf, -1),
        (-np.inf, 1, -np.inf, 1),
        (-np.inf, 0, 0, 0),
    ],
)
def test_extreme_logits(logit, x, log_prob, gradient):
    """Exactly: no clamp at -100, no NaN, in either mode of differentiation."""

    def f(logits):
        return Bernoulli(logits).log_prob(jnp.array([float(x)]))

    logits = jnp.array([float(logit)])
    value, grad = jax.value_and_grad(f)(logits)
    assert value == np.float32(log_prob)
    assert grad[0] == gradient
    assert jax.jacfwd(f)(logits)[0] == gradient


def test_saturated_logits_keep_their_last_digits():
    """x l - softplus(l) would cancel to 0."""
    log_prob = Bernoulli(jnp.full(784, 15.0)).log_prob(jnp.ones(784))
    np.testing.assert_allclose(log_prob, -784 * np.log1p(np.exp(-15.0)), rtol=1e-6)


def test_extreme_logits_are_sampled(key):
    q = Bernoulli(jnp.array([1e4, -1e4]))
    x = jax.jit(jax.vmap(q.sample))(jax.random.split(key, 100))
    np.testing.assert_array_equal(x, np.tile([1.0, 0.0], (100, 1)))


def test_mean_is_the_probability():
    logits, _ = _logits_and_value(np.float32)
    mean = Bernoulli(jnp.array(logits)).mean()
    np.testing.assert_allclose(mean, scipy.special.expit(logits.astype(np.float64)), rtol=1e-6)


def test_support():
    q = Bernoulli(jnp.zeros(3))
    assert q.in_support(jnp.array([0.0, 1.0, 1.0]))
    assert q.in_support(jnp.array([True, False, True]))
    for bad in (0.5, -1.0, 2.0, 255.0, jnp.nan, jnp.inf):
        assert not q.in_support(jnp.array([0.0, 1.0, bad]))


def test_wrong_shape_of_value():
    with pytest.raises(ValueError, match=r"Bernoulli has events of shape \(28, 28, 1\).*jax\.vmap"):
        Bernoulli(jnp.zeros((28, 28, 1))).log_prob(jnp.zeros((28, 28)))


def test_sample_is_not_differentiable(key):
    """What `reparameterized = False` is about."""
    grad = jax.grad(lambda q: jnp.sum(q.sample(key)))(Bernoulli(jnp.array([0.3, -0.2])))
    np.testing.assert_array_equal(grad.logits, 0)


@pytest.mark.parametrize("spoiled", [0.5, 255, -1, np.nan])
def test_what_is_no_event_has_no_probability(spoiled):
    """x l - softplus(l) would be a log-probability of +63 at 255."""
    x = jnp.array([0.0, 1.0, spoiled])
    assert Bernoulli(jnp.array([0.1, 0.2, 0.3])).log_prob(x) == -jnp.inf
