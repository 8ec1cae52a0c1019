import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as numpyro
import pytest
import scipy.stats
from linear_gaussian import z_score

from vae_jax import divergences
from vae_jax.distributions import (
    Bernoulli,
    Categorical,
    Delta,
    FullGaussian,
    Gaussian,
    Joint,
    standard_gaussian,
)
from vae_jax.divergences import kl, register_kl

_RNG = np.random.default_rng(0)


def _normal(*shape):
    return jnp.array(_RNG.normal(size=shape), jnp.float32)


def _gaussian():
    return Gaussian(_normal(3), 0.3 * _normal(3))


def _full():
    return FullGaussian(_normal(3), 0.3 * _normal(3), _normal(3, 3))


_PAIRS = {
    "gaussian": (_gaussian(), _gaussian()),
    "shared scale": (Gaussian(_normal(3), _normal()), Gaussian(_normal(3), _normal())),
    "bernoulli": (Bernoulli(_normal(3)), Bernoulli(_normal(3))),
    "categorical": (Categorical(_normal(3, 4)), Categorical(_normal(3, 4))),
    "tuple": (
        Joint((_gaussian(), Bernoulli(_normal(2)))),
        Joint((_gaussian(), Bernoulli(_normal(2)))),
    ),
    "dict": (
        Joint({"b": _gaussian(), "a": Joint((Categorical(_normal(4)),))}),
        Joint({"a": Joint((Categorical(_normal(4)),)), "b": _gaussian()}),
    ),
    "full": (_full(), _full()),
}
_MIXED_PAIRS = {
    "full and diagonal": (_full(), _gaussian()),
    "full and shared scale": (_full(), Gaussian(_normal(3), _normal())),
    "diagonal and full": (_gaussian(), _full()),
}
_pairs = pytest.mark.parametrize(("q", "p"), list(_PAIRS.values()), ids=list(_PAIRS))
_all_pairs = pytest.mark.parametrize(
    ("q", "p"), [*_PAIRS.values(), *_MIXED_PAIRS.values()], ids=[*_PAIRS, *_MIXED_PAIRS]
)


@_all_pairs
def test_is_the_expected_log_ratio(q, p, key):
    def log_ratio(k):
        z, log_q = q.sample_and_log_prob(k)
        return log_q - p.log_prob(z)

    log_ratios = jax.jit(jax.vmap(log_ratio))(jax.random.split(key, 20_000))
    assert np.std(log_ratios) / np.sqrt(20_000) < 0.04 * kl(q, p)  # a sharp comparison
    assert abs(z_score(log_ratios, float(kl(q, p)))) < 4.5


@_pairs
def test_is_zero_where_q_is_p(q, p):
    del p
    value, grad = jax.value_and_grad(kl, 1)(q, q)
    np.testing.assert_allclose(value, 0, atol=1e-6)  # a few roundings of terms of size 1
    for leaf in jax.tree.leaves(grad):
        np.testing.assert_allclose(leaf, 0, atol=1e-6)


def test_gaussian_is_numpyros():
    q, p = _PAIRS["gaussian"]
    theirs = numpyro.kl_divergence(*(numpyro.Normal(d.loc, jnp.exp(d.log_scale)) for d in (q, p)))
    np.testing.assert_allclose(kl(q, p), jnp.sum(theirs), rtol=5e-6)  # 80 roundings


def test_full_gaussian_is_numpyros():
    for q, p in (_PAIRS["full"], *_MIXED_PAIRS.values()):
        theirs = numpyro.kl_divergence(*map(_of_numpyro, (q, p)))
        np.testing.assert_allclose(kl(q, p), theirs, rtol=1e-5)
    q, p = _PAIRS["gaussian"]
    none = jnp.zeros((3, 3))
    full = [FullGaussian(d.loc, d.log_scale, none) for d in (q, p)]
    for pair in (full, (q, full[1]), (full[0], p)):
        np.testing.assert_allclose(kl(*pair), kl(q, p), rtol=1e-6)


def _of_numpyro(d):
    scale = jnp.exp(jnp.broadcast_to(d.log_scale, (3,)))
    lower = jnp.tril(d.lower, -1) if isinstance(d, FullGaussian) else jnp.zeros((3, 3))
    return numpyro.MultivariateNormal(d.loc, scale_tril=scale[:, None] * (lower + jnp.eye(3)))


def test_discrete_is_scipys_relative_entropy():
    for name, probabilities in {
        "bernoulli": lambda q: np.stack([jax.nn.sigmoid(q.logits), jax.nn.sigmoid(-q.logits)]),
        "categorical": lambda q: np.asarray(jax.nn.softmax(q.logits)).T,
    }.items():
        q, p = (probabilities(d) for d in _PAIRS[name])
        theirs = scipy.stats.entropy(q, p).sum()
        np.testing.assert_allclose(kl(*_PAIRS[name]), theirs, rtol=5e-6)


def test_joint_is_the_sum_of_its_parts():
    for name in ("tuple", "dict"):
        q, p = _PAIRS[name]
        each = q.parts if isinstance(q.parts, dict) else range(len(q.parts))
        total = sum(kl(q.parts[part], p.parts[part]) for part in each)
        np.testing.assert_allclose(kl(q, p), total, rtol=1e-6)


def test_vmap_gives_the_kl_of_each_dimension():
    q, p = _PAIRS["gaussian"]
    each = jax.vmap(kl)(q, p)
    one = kl(Gaussian(q.loc[1], q.log_scale[1]), Gaussian(p.loc[1], p.log_scale[1]))
    np.testing.assert_allclose(each[1], one, rtol=1e-6)
    np.testing.assert_allclose(jnp.sum(each), kl(q, p), rtol=1e-6)


def test_half_precision_is_computed_in_float32():
    """At 1/256 apart in location, the closed form in bfloat16 would be 10 % off or 0."""
    q = Gaussian(jnp.full(3, 1 + 1 / 128, jnp.bfloat16), jnp.full(3, -1.0, jnp.bfloat16))
    p = Gaussian(jnp.ones(3, jnp.bfloat16), jnp.full(3, -1.0, jnp.bfloat16))
    value = kl(q, p)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, 3 * 0.5 * (np.exp(1) / 128) ** 2, rtol=1e-5)


def _gaussian_in_float64(q, p):
    log_ratio = q[1] - p[1]
    return 0.5 * (np.expm1(2 * log_ratio) - 2 * log_ratio + ((q[0] - p[0]) * np.exp(-p[1])) ** 2)


@pytest.mark.parametrize("q", [(0.0, -20.0), (3.0, 20.0), (-1.0, 0.0)])
@pytest.mark.parametrize("p", [(0.0, -20.0), (1.0, 20.0), (2.0, 0.0)])
def test_extreme_scales(q, p):
    """Standard deviations from 2e-9 to 5e8: every float32 intermediate stays below 1e36."""
    value, grads = jax.value_and_grad(kl, (0, 1))(
        Gaussian(jnp.array(q[:1]), jnp.array(q[1:])), Gaussian(jnp.array(p[:1]), jnp.array(p[1:]))
    )
    # exp(80) multiplies a rounding of its exponent by 80
    np.testing.assert_allclose(value, _gaussian_in_float64(q, p), rtol=2e-5, atol=1e-6)
    ratio2, precision = np.exp(2 * (q[1] - p[1])), np.exp(-2 * p[1])
    shift = (q[0] - p[0]) * precision
    expected = [shift, ratio2 - 1, -shift, 1 - ratio2 - (q[0] - p[0]) * shift]
    ours = [g[0] for d in grads for g in (d.loc, d.log_scale)]
    np.testing.assert_allclose(ours, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("q", "p", "expected", "q_slope", "p_slope"),
    [
        (1e4, -1e4, 1e4, 0.0, -1.0),
        (-1e4, 1e4, 1e4, 0.0, 1.0),
        (1e4, 1e4, 0.0, 0.0, 0.0),
        (1e4, 0.0, np.log(2), 0.0, -0.5),
        (0.0, 1e4, 5e3 - np.log(2), -2.5e3, 0.5),
    ],
)
def test_extreme_bernoulli_logits(q, p, expected, q_slope, p_slope):
    """d/dq = s(q) s(-q) (q - p), d/dp = s(p) - s(q)."""
    for make in (lambda l: Bernoulli(l), lambda l: Categorical(jnp.array([l, 0.0]))):  # noqa: E741
        value, slopes = jax.value_and_grad(lambda q, p: kl(make(q), make(p)), (0, 1))(q, p)  # noqa: B023
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(slopes, [q_slope, p_slope], rtol=1e-6, atol=1e-6)


def test_missing_pair_names_the_remedies():
    q, p = standard_gaussian(2), Bernoulli(jnp.zeros(2))
    with pytest.raises(
        TypeError,
        match=r"KL\(Gaussian \|\| Bernoulli\) has no closed form.*`sampled_elbo`.*`sampled_rate`"
        r".*`register_kl`",
    ):
        kl(q, p)
    with pytest.raises(TypeError, match=r"KL\(Bernoulli \|\| Gaussian\)"):
        kl(Joint((q, p)), Joint((q, q)))


def test_register_kl(monkeypatch):
    monkeypatch.setattr(divergences, "_CLOSED_FORMS", dict(divergences._CLOSED_FORMS))
    q, p = Delta(jnp.array([1.0, 2.0])), standard_gaussian(2)

    @register_kl(Delta, Gaussian)
    def cross_entropy(q, p):
        return -p.log_prob(q.value)

    np.testing.assert_allclose(kl(q, p), 2.5 + np.log(2 * np.pi), rtol=1e-6)
    assert callable(cross_entropy)  # the decorator gives the function back
    with pytest.raises(TypeError, match=r"KL\(Gaussian \|\| Delta\)"):  # not symmetric
        kl(p, q)


@pytest.mark.parametrize("of", [Gaussian, Bernoulli, Categorical])
def test_shapes_must_agree(of):
    arity = 2 if of is Gaussian else 1
    q, p = (of(*[jnp.zeros(shape)] * arity) for shape in ((5, 3), (3,)))
    with pytest.raises(
        ValueError,
        match=rf"KL of {of.__name__}: q has parameters of shape \(5, 3\) and p of shape \(3,\)"
        r".*jax\.vmap\(kl, in_axes=\(0, None\)\)",
    ):
        kl(q, p)
    if of is not Categorical:
        assert jax.vmap(kl, in_axes=(0, None))(q, p).shape == (5,)


def test_scale_of_another_shape():
    """A scale [1] would be broadcast, and in `sample` and `log_prob` it is refused."""
    for q, p in ((jnp.zeros(1), jnp.zeros(3)), (jnp.zeros(3), jnp.zeros(1))):
        with pytest.raises(ValueError, match=r"neither \[\] nor the shape of loc"):
            kl(Gaussian(jnp.zeros(3), q), Gaussian(jnp.zeros(3), p))


@pytest.mark.parametrize(
    ("p", "match"),
    [
        (Joint((standard_gaussian(2),)), r"q has the parts \[0, 1\] and p has \[0\]"),
        (Joint({"a": standard_gaussian(2)}), r"q has the parts \[0, 1\] and p has \['a'\]"),
        (Joint((standard_gaussian(2), standard_gaussian(3))), r"shape \(2,\) and p of shape \(3,"),
    ],
)
def test_parts_must_agree(p, match):
    with pytest.raises(ValueError, match=match):
        kl(Joint((standard_gaussian(2), standard_gaussian(2))), p)


def test_categorical_with_excluded_classes():
    """0 log 0 = 0 where q excludes a class; infinite where p alone does."""
    q, p = Categorical(jnp.array([0.0, 0.0, -jnp.inf])), Categorical(jnp.zeros(3))
    np.testing.assert_allclose(kl(q, p), np.log(3 / 2), rtol=1e-6)
    assert kl(p, q) == np.inf
    assert np.isfinite(jax.grad(lambda q: kl(q, p))(q).logits[:2]).all()


def test_bernoulli_with_certain_outcomes():
    """As of the categorical with an excluded class."""
    q, p = Bernoulli(jnp.array([jnp.inf, -jnp.inf])), Bernoulli(jnp.zeros(2))
    np.testing.assert_allclose(kl(q, p), 2 * np.log(2), rtol=1e-6)
    assert kl(p, q) == np.inf
    assert kl(q, q) == 0
    assert np.isfinite(jax.grad(lambda p: kl(q, p))(p).logits).all()


def test_gaussians_whose_precision_is_infinite():
    q = Gaussian(jnp.ones(2), jnp.full(2, -90.0))
    assert kl(q, q) == 0
    assert kl(q, Gaussian(jnp.zeros(2), jnp.full(2, -90.0))) == np.inf


def test_of_a_point_it_is_infinite_and_says_what_to_do():
    with pytest.raises(TypeError, match=r"is infinite: .* pass rate=None to `fit`"):
        kl(Delta(jnp.zeros(2)), Gaussian(jnp.zeros(2), jnp.zeros(2)))
