import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest
import scipy.special
import scipy.stats

from vae_jax.distributions import Bernoulli, Categorical, Gaussian, Joint, Mixture, MixtureOver


def _gaussians(dtype):
    """logits [C], locs, log_scales [C, D], x [D]; C = 3, D = 4."""
    rng = np.random.default_rng(0)
    shapes = [(3,), (3, 4), (3, 4), (4,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def _mixture(logits, locs, log_scales):
    components = Gaussian(jnp.array(locs), jnp.array(log_scales))  # as jax.vmap(Gaussian) gives
    return Mixture(jnp.array(logits), components)


def _log_joint(logits, locs, log_scales, x):
    """log p(c) + log p(x|c), [C], by scipy in float64."""
    logits, locs, log_scales, x = (np.float64(a) for a in (logits, locs, log_scales, x))
    log_p = scipy.stats.norm.logpdf(x, locs, np.exp(log_scales)).sum(-1)
    return scipy.special.log_softmax(logits) + log_p


def test_gaussians_are_scipys(precision):
    logits, locs, log_scales, x = _gaussians(precision.dtype)
    ours = _mixture(logits, locs, log_scales).log_prob(jnp.array(x))
    theirs = scipy.special.logsumexp(_log_joint(logits, locs, log_scales, x))
    assert ours.dtype == precision.dtype
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


def test_gaussians_are_numpyros():
    logits, locs, log_scales, x = (jnp.array(a) for a in _gaussians(np.float32))
    theirs = numpyro.MixtureSameFamily(
        numpyro.CategoricalLogits(logits), numpyro.Normal(locs, jnp.exp(log_scales)).to_event(1)
    ).log_prob(x)
    ours = _mixture(logits, locs, log_scales).log_prob(x)
    np.testing.assert_allclose(ours, theirs, rtol=6e-6)


def test_bernoullis_are_scipys(precision):
    rng = np.random.default_rng(0)
    logits, pixels = rng.normal(size=3).astype(precision.dtype), rng.normal(size=(3, 4))
    pixels, x = pixels.astype(precision.dtype), np.array([0, 1, 1, 0])
    ours = Mixture(jnp.array(logits), jax.vmap(Bernoulli)(jnp.array(pixels))).log_prob(x)
    probabilities = scipy.special.expit(pixels.astype(np.float64))
    log_p = scipy.stats.bernoulli.logpmf(x, probabilities).sum(-1)
    theirs = scipy.special.logsumexp(scipy.special.log_softmax(np.float64(logits)) + log_p)
    np.testing.assert_allclose(ours, theirs, rtol=precision.rtol)


def test_gradients_are_responsibilities(precision):
    """r_c = p(c|x): d/dlogits = r - softmax(logits), d/dloc_c = r_c (x - loc_c) / s_c^2."""
    logits, locs, log_scales, x = _gaussians(precision.dtype)
    grad = jax.jit(jax.grad(lambda q: q.log_prob(jnp.array(x))))(_mixture(logits, locs, log_scales))
    r = scipy.special.softmax(_log_joint(logits, locs, log_scales, x))
    logits, locs, log_scales, x = (np.float64(a) for a in (logits, locs, log_scales, x))
    # responsibilities are exponentials of numbers near 10, so 10 times the rounding
    close = {"rtol": 10 * precision.rtol, "atol": 10 * precision.rtol}
    np.testing.assert_allclose(grad.logits, r - scipy.special.softmax(logits), **close)
    expected = r[:, None] * (x - locs) / np.exp(2 * log_scales)
    np.testing.assert_allclose(grad.components.loc, expected, **close)


def test_one_component_is_the_component(key):
    _, locs, log_scales, x = _gaussians(np.float32)
    q = Gaussian(jnp.array(locs[0]), jnp.array(log_scales[0]))
    mixture = _mixture([3.0], locs[:1], log_scales[:1])
    np.testing.assert_allclose(mixture.log_prob(x), q.log_prob(x), rtol=1e-6)
    np.testing.assert_array_equal(mixture.mean(), q.mean())


def test_extreme_weights_and_far_components():
    """Weights e^(+-10000), components 50 standard deviations away from x and each other."""
    logits = np.array([-1e4, 0, 1e4])
    locs, log_scales, x = np.array([[0.0], [50.0], [100.0]]), np.zeros((3, 1)), np.array([0.0])
    value, grad = jax.jit(jax.value_and_grad(lambda q: q.log_prob(jnp.array(x))))(
        _mixture(logits, locs, log_scales)
    )
    theirs = scipy.special.logsumexp(_log_joint(logits, locs, log_scales, x))  # of component 2
    np.testing.assert_allclose(value, theirs, rtol=1e-6)
    np.testing.assert_allclose(grad.logits, [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(grad.components.loc, [[0], [0], [-100]], rtol=1e-6)
    np.testing.assert_allclose(grad.components.log_scale, [[0], [0], [1e4 - 1]], rtol=1e-6)


def test_far_from_every_component():
    logits, locs, log_scales = np.zeros(2), np.array([[0.0], [1.0]]), np.zeros((2, 1))
    value, grad = jax.value_and_grad(_mixture(logits, locs, log_scales).log_prob)(jnp.array([51.0]))
    theirs = scipy.special.logsumexp(_log_joint(logits, locs, log_scales, np.array([51.0])))
    np.testing.assert_allclose(value, theirs, rtol=1e-6)
    np.testing.assert_allclose(grad, [-50], rtol=1e-6)


@pytest.mark.parametrize(
    "mixture",
    [
        Mixture(jnp.zeros(1), Gaussian(jnp.full((1, 50), 1e3), jnp.full((1, 50), -16.0))),
        MixtureOver(
            jnp.zeros(1), jnp.full((1, 50), 1e3), jnp.array(-16.0), lambda s, m: Gaussian(m, s)
        ),
    ],
)
def test_a_draw_is_scored_by_its_noise(mixture, key):
    """It is rounded to 1e3, of which the density is another by nats."""
    _, draw_key = jax.random.split(key)
    value, log_p = mixture.sample_and_log_prob(key)
    _, own = Gaussian(jnp.full(50, 1e3), jnp.array(-16.0)).sample_and_log_prob(draw_key)
    np.testing.assert_allclose(log_p, own, rtol=1e-6)
    assert abs(mixture.log_prob(value) - own) > 10


def test_component_of_weight_zero(key):
    """A logit of -inf: never sampled, and no NaN in any gradient."""
    locs, log_scales = np.array([[0.0], [7.0], [1.0]]), np.full((3, 1), -2.0)
    q = _mixture([0.0, -np.inf, 0.0], locs, log_scales)
    grad = jax.grad(lambda q: q.log_prob(jnp.array([7.0])))(q)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grad))
    assert jnp.all(jax.jit(jax.vmap(q.sample))(jax.random.split(key, 100)) < 5)


@pytest.mark.parametrize("differentiate", [jax.jacrev, jax.jacfwd])
def test_impossible_under_every_component(differentiate):
    """Density zero, and a derivative of zero: softmax of nothing but -inf would be NaN."""
    q = _mixture(np.zeros(2), np.full((2, 1), 1e30), np.zeros((2, 1)))
    assert q.log_prob(jnp.zeros(1)) == -np.inf
    grad = differentiate(lambda q: q.log_prob(jnp.zeros(1)))(q)
    np.testing.assert_array_equal(grad.logits, 0)
    np.testing.assert_array_equal(grad.components.loc, 0)


def test_mean_is_the_weighted_mean():
    logits, locs, log_scales, _ = _gaussians(np.float32)
    expected = scipy.special.softmax(logits) @ locs
    np.testing.assert_allclose(
        _mixture(logits, locs, log_scales).mean(), expected, rtol=1e-5, atol=1e-6
    )


def test_mean_of_a_mixture_of_joints():
    pixels = jnp.array([[0.0, 1.0], [2.0, 3.0]])
    parts = jax.vmap(lambda a: Joint({"z": Gaussian(a, a), "x": (Bernoulli(a),)}))(pixels)
    mean = Mixture(jnp.log(jnp.array([0.25, 0.75])), parts).mean()
    np.testing.assert_allclose(mean["z"], [1.5, 2.5], rtol=1e-6)
    expected = 0.25 * scipy.special.expit([0, 1]) + 0.75 * scipy.special.expit([2, 3])
    np.testing.assert_allclose(mean["x"][0], expected, rtol=1e-6)


def test_no_mean_without_the_components():
    with pytest.raises(TypeError, match="Categorical has no mean"):
        Mixture(jnp.zeros(2), jax.vmap(Categorical)(jnp.zeros((2, 3)))).mean()


def test_mixture_of_mixtures_is_one_mixture():
    rng = np.random.default_rng(0)
    outer, inner, locs = rng.normal(size=2), rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 4))
    gaussians = jax.vmap(jax.vmap(Gaussian))(jnp.array(locs), jnp.zeros((2, 3, 4)))
    nested = Mixture(jnp.array(outer), jax.vmap(Mixture)(jnp.array(inner), gaussians))
    weights = scipy.special.log_softmax(outer)[:, None] + scipy.special.log_softmax(inner, axis=1)
    flat = _mixture(weights.reshape(6), locs.reshape(6, 4), np.zeros((6, 4)))
    x = jnp.ones(4)
    np.testing.assert_allclose(nested.log_prob(x), flat.log_prob(x), rtol=6e-6)


def test_support_is_that_of_the_components():
    q = Mixture(jnp.zeros(2), jax.vmap(Bernoulli)(jnp.zeros((2, 3))))
    assert q.in_support(jnp.array([0, 1, 1]))
    assert not q.in_support(jnp.array([0, 0.5, 1]))
    assert not q.in_support(jnp.array([0, jnp.nan, 1]))


def test_wrong_shape_of_value():
    logits, locs, log_scales, _ = _gaussians(np.float32)
    with pytest.raises(ValueError, match=r"Gaussian has events of shape \(4,\).*jax\.vmap"):
        _mixture(logits, locs, log_scales).log_prob(jnp.zeros((3, 4)))


@pytest.mark.parametrize("shape", [(), (1,), (2,), (4,), (3, 1), (2, 3)])
def test_wrong_number_of_weights(shape, key):
    """[1] would broadcast: a density that integrates to C."""
    _, locs, log_scales, x = _gaussians(np.float32)
    q = _mixture(np.zeros(shape), locs, log_scales)
    with pytest.raises(ValueError, match=r"leading axes \[\(3,\)\]; both must be \[C\]"):
        q.log_prob(x)
    with pytest.raises(ValueError, match=r"with jax\.vmap of their constructor"):
        q.sample(key)


def test_no_component():
    with pytest.raises(ValueError, match=r"both must be \[C\], C > 0\."):
        _mixture(np.zeros(0), np.zeros((0, 4)), np.zeros((0, 4))).log_prob(jnp.zeros(4))


def test_components_without_a_leading_axis():
    q = Mixture(jnp.zeros(3), Gaussian(jnp.zeros((3, 4)), jnp.zeros(())))
    with pytest.raises(ValueError, match=r"leading axes \[\(\), \(3,\)\]; both must be \[C\]"):
        q.log_prob(jnp.zeros(4))
