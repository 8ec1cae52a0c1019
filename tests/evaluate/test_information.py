"""The mutual information of index and latent, against numpy over all pairs and closed forms."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from vae_jax import (
    VAE,
    Categorical,
    Distribution,
    Gaussian,
    Joint,
    Layered,
    evaluate,
    standard_gaussian,
)
from vae_jax.bounds.draws import draw_keys, sample_keys
from vae_jax.evaluate import mutual_information
from vae_jax.models import trace

KEY = jax.random.key(1)
N = 23
X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
DATA = {"x": X}
# densities of size 10 in float32, and a sum over N of their exponentials
ROUNDING = {"rtol": 1e-5, "atol": 1e-5}


def make(encode, prior, event=(4,)):
    """A VAE of which but the encoder and the prior matter."""
    return VAE(
        init=lambda key, x, c=None: {},
        encode=lambda params, x, c=None, key=None: encode(params, x, c),
        decode=lambda params, z, c=None, key=None: standard_gaussian(*event),
        prior=lambda params, c=None, key=None: prior(c) if callable(prior) else prior,
    )


def linear_encoder(params, x, c):
    return Gaussian(params["A"] @ x + params["c"], params["log_scale"])


LINEAR = make(linear_encoder, standard_gaussian(2))


def linear_params(width=1.0):
    """The encoder of the oracle, `width` times as wide."""
    return lg.params(width=width)["encoder"]


def at(spacing, scale=1.0):
    """x [1] -> N(spacing x, scale^2), in one dimension."""
    return make(
        lambda params, x, c: Gaussian(spacing * x, jnp.log(scale)), standard_gaussian(1), (1,)
    )


class Heavy(Distribution):
    """A standard Gaussian that holds weights."""

    loc: jax.Array
    kernel: jax.Array
    reparameterized = True

    def _sample(self, key):
        return jax.random.normal(key, (1,))

    def _log_prob(self, value):
        return standard_gaussian(1).log_prob(value) + 0 * jnp.sum(self.kernel) + self.loc[0]


def draws(model, params, num_samples, x=X):
    """z of each example under its own key, [N, K, ...]."""

    def of_one(key, x):
        keys = draw_keys(key, num_samples)
        return jax.vmap(lambda k: trace(model, params, k, x).z)(keys)

    return jax.jit(jax.vmap(of_one))(sample_keys(KEY, jnp.arange(len(x))), x)


def normal(z, loc, scale):
    return scipy.stats.norm.logpdf(z, loc, scale)


def assert_dense(got, log_q, log_p):
    """`got` is what the log q(z_nk|x_m) [N, K, M] and the log p(z_nk) [N, K] make of it."""
    own = np.stack([log_q[n, :, n] for n in range(len(log_q))])
    log_marginal = scipy.special.logsumexp(log_q, axis=2) - np.log(len(log_q))
    information = (own - log_marginal).mean(1)
    np.testing.assert_allclose(got.value, information.mean(), **ROUNDING)
    error = information.std(ddof=1) / np.sqrt(len(log_q))
    np.testing.assert_allclose(got.standard_error, error, rtol=1e-4)
    np.testing.assert_allclose(got.marginal_kl, (log_marginal - log_p).mean(), **ROUNDING)
    assert got.num_examples == len(log_q)


@pytest.mark.parametrize("num_samples", [1, 3])
def test_it_is_numpys_over_all_pairs(num_samples):
    params = linear_params()
    got = mutual_information(LINEAR, params, KEY, DATA, num_samples=num_samples, batch_size=10)
    z = np.asarray(draws(LINEAR, params, num_samples), np.float64)
    A, c, log_scale = (np.asarray(params[name], np.float64) for name in ("A", "c", "log_scale"))
    log_q = normal(z[:, :, None], X @ A.T + c, np.exp(log_scale)).sum(-1)
    assert_dense(got, log_q, normal(z, 0, 1).sum(-1))
    assert 0.3 < got.value < np.log(N) - 0.3  # neither of the two ends
    assert got.marginal_kl > 0.1


@pytest.mark.parametrize("batch_size", [10, 22, 100])
def test_it_does_not_depend_on_the_batch_size(batch_size):
    """N = 23: a last batch of 3, one of 1, and one that is not full at all."""
    settings = {"num_samples": 2}
    whole = mutual_information(LINEAR, linear_params(), KEY, DATA, batch_size=N, **settings)
    got = mutual_information(LINEAR, linear_params(), KEY, DATA, batch_size=batch_size, **settings)
    np.testing.assert_allclose(got, whole, **ROUNDING)


def test_posteriors_far_apart_know_the_index():
    x = np.arange(N, dtype=np.float32)[:, None]
    got = mutual_information(at(100.0), {}, KEY, {"x": x})
    np.testing.assert_allclose(got.value, np.log(N), **ROUNDING)
    assert got.standard_error < 1e-5


def test_posteriors_alike_know_nothing():
    model = make(
        lambda params, x, c: Gaussian(jnp.array([0.5]), jnp.log(0.7)), standard_gaussian(1)
    )
    got = mutual_information(model, {}, KEY, DATA, num_samples=2000)
    np.testing.assert_allclose(got.value, 0, atol=1e-5)
    # the marginal is the one posterior; the variance of log q - log p in closed form
    expected = (0.5**2 + 0.7**2 - 1) / 2 - np.log(0.7)
    error = np.sqrt(((0.5 * 0.7) ** 2 + (0.7**2 - 1) ** 2 / 2) / (N * 2000))
    assert abs(got.marginal_kl - expected) < 4.5 * error


def test_two_groups_are_told_apart_as_well_as_quadrature_says():
    """Half of the posteriors N(-1, 1), half N(1, 1): E log 2 / (1 + e^(-2z)) under N(1, 1)."""
    x = np.where(np.arange(4000) % 2, 1.0, -1.0).astype(np.float32)[:, None]
    got = mutual_information(at(1.0), {}, KEY, {"x": x}, batch_size=500)
    expected, _ = scipy.integrate.quad(
        lambda z: np.exp(normal(z, 1, 1)) * (np.log(2) - np.logaddexp(0, -2 * z)), -12, 14
    )
    assert abs(got.value - expected) < 4.5 * got.standard_error
    assert got.standard_error < 0.01


def test_with_the_marginal_divergence_it_is_the_rate():
    """Of the closed form; log q - log p has the variance sum_d (m s)^2 + (s^2 - 1)^2 / 2."""
    K, params = 2000, linear_params()
    got = mutual_information(LINEAR, params, KEY, DATA, num_samples=K)
    rate = evaluate.elbos(LINEAR, params, KEY, DATA).rate.mean()
    q = jax.vmap(lambda x: LINEAR.encode(params, x))(X)
    m, s = np.asarray(q.loc), np.exp(q.log_scale)
    error = np.sqrt(((m * s) ** 2 + (s**2 - 1) ** 2 / 2).sum() / (N * N * K))
    assert abs(got.value + got.marginal_kl - rate) < 4.5 * error
    assert error < 0.01 < min(got.value, got.marginal_kl)


def test_the_rate_is_the_information_and_a_divergence_of_other_draws():
    """The closed form against I of the library's draws and KL(q(z) || p(z)) of numpy's: of the
    same draws log q(z) is in both, with opposite signs, and whatever it is, the sum holds.
    """
    params, again, K = linear_params(), 20, 100_000
    rate = float(evaluate.elbos(LINEAR, params, KEY, DATA).rate.mean())
    found = [
        mutual_information(LINEAR, params, key, DATA, num_samples=100).value
        for key in jax.random.split(jax.random.key(9), again)
    ]
    A, c, log_scale = (np.asarray(params[name], np.float64) for name in ("A", "c", "log_scale"))
    locs, scale, rng = X @ A.T + c, np.exp(log_scale), np.random.default_rng(4)
    z = locs[rng.integers(N, size=K)] + scale * rng.normal(size=(K, 2))
    log_marginal = scipy.special.logsumexp(normal(z[:, None], locs, scale).sum(-1), axis=1)
    log_ratio = log_marginal - np.log(N) - normal(z, 0, 1).sum(-1)
    errors = np.std(found, ddof=1) / np.sqrt(again), log_ratio.std() / np.sqrt(K)
    assert abs(np.mean(found) + log_ratio.mean() - rate) < 4.5 * np.hypot(*errors)
    assert max(errors) < 0.01 < min(np.mean(found), log_ratio.mean(), np.log(N) - np.mean(found))


def test_narrower_posteriors_know_more_and_never_more_than_log_n():
    widths = [100.0, 2.0, 1.0, 0.3, 0.01, 1e-4]
    values = [mutual_information(LINEAR, linear_params(w), KEY, DATA).value for w in widths]
    assert np.all(np.diff(values) > -1e-5)
    assert values[0] < 0.1
    assert max(values) < np.log(N) + 1e-5
    assert values[-1] > np.log(N) - 1e-5


def test_a_posterior_over_a_tree():
    prior = Joint({"a": standard_gaussian(2), "k": Categorical(jnp.zeros((1, 3)))})

    def encode(params, x, c):
        return Joint({"a": Gaussian(x[:2], jnp.zeros(())), "k": Categorical(2 * x[None, 1:])})

    model = make(encode, prior)
    got = mutual_information(model, {}, KEY, DATA, num_samples=2, batch_size=10)
    z = draws(model, {}, 2)
    a, k = np.asarray(z["a"], np.float64), np.asarray(z["k"])[:, :, 0]
    log_classes = scipy.special.log_softmax(2 * X[:, 1:].astype(np.float64), axis=1)
    log_q = normal(a[:, :, None], X[:, :2], 1).sum(-1) + log_classes.T[k]
    assert_dense(got, log_q, normal(a, 0, 1).sum(-1) - np.log(3))


def upward(x, draw):
    """q(z1|x) q(z2|z1,x)."""
    z1 = draw("z1", Gaussian(x[:2], jnp.array(-0.5)))
    draw("z2", Gaussian(0.7 * z1[0] + x[2], jnp.array(-0.3)))


def downward(given, draw):
    """p(z2) p(z1|z2)."""
    draw("z1", Gaussian(draw("z2", standard_gaussian()) * jnp.ones(2), jnp.array(0.1)))


def test_a_hierarchys_information_is_that_of_all_its_layers():
    model = make(lambda params, x, c: Layered(x, upward), Layered(None, downward))
    got = mutual_information(model, {}, KEY, DATA, num_samples=2, batch_size=10)
    z = draws(model, {}, 2)
    z1, z2 = (np.asarray(z[name], np.float64) for name in ("z1", "z2"))
    log_q = normal(z1[:, :, None], X[:, :2], np.exp(-0.5)).sum(-1)
    log_q += normal(z2[:, :, None], 0.7 * z1[:, :, :1] + X[:, 2], np.exp(-0.3))
    log_p = normal(z1, z2[..., None], np.exp(0.1)).sum(-1) + normal(z2, 0, 1)
    assert_dense(got, log_q, log_p)


def test_posteriors_are_made_where_they_are_used():
    """What holds an encoder's weights, a flow's say, is not held N times: 16 MB of them."""
    heavy = {"kernel": jnp.ones((1000, 4))}

    def encode(params, x, c):
        return Heavy(params["kernel"][:1] @ x, params["kernel"])

    model, batch = make(encode, standard_gaussian(1)), {"x": jnp.zeros((1000, 4))}
    run = jax.jit(
        lambda *args: evaluate.information._add_posteriors(model, heavy, batch, *args, 10)
    )
    compiled = run.lower(jnp.full(1000, True), jnp.zeros((20, 1)), jnp.zeros(20)).compile()
    memory = compiled.memory_analysis()
    assert memory.temp_size_in_bytes < 1e6


def with_conditions(prior):
    return make(lambda params, x, c: Gaussian(x[:1] + 100.0 * c, jnp.log(0.1)), prior)


C = np.repeat([0, 1, 2], [12, 7, 4])


def test_the_information_is_of_the_pair_of_x_and_c():
    """Equal x, and conditions far apart: the entropy of the conditions."""
    data = {"x": np.tile(X[:1], (N, 1)), "c": C}
    got = mutual_information(with_conditions(standard_gaussian(1)), {}, KEY, data, batch_size=10)
    share = np.array([12, 7, 4]) / N
    np.testing.assert_allclose(got.value, -(share * np.log(share)).sum(), **ROUNDING)


def test_a_prior_that_is_not_the_same_for_all_is_refused():
    model = with_conditions(lambda c: Gaussian(jnp.ones(1) * (c > 0), jnp.zeros(())))
    message = (
        r"p\(z\|c\) of c\[12\] is not that of c\[0\].*examples of each condition by themselves"
    )
    with pytest.raises(ValueError, match=message):
        mutual_information(model, {}, KEY, {"x": X, "c": C})
    for same in (C == 1, C != 0):  # one prior for all of them
        got = mutual_information(model, {}, KEY, {"x": X[same], "c": C[same]})
        assert got.num_examples == same.sum()
    loc = 100.0 + X[C == 1, 0]  # and it is the prior of their condition
    got = mutual_information(model, {}, KEY, {"x": X[C == 1], "c": C[C == 1]}, num_samples=500)
    rate = (((loc - 1) ** 2 + 0.01 - 1) / 2 - np.log(0.1)).mean()
    error = np.sqrt(((0.1 * (loc - 1)) ** 2).sum() / 7 / (7 * 500))  # and a smaller part
    assert abs(got.value + got.marginal_kl - rate) < 4.5 * error


def test_progress_wraps_the_loop_over_the_posteriors():
    seen = []

    def progress(batches):
        for start in batches:
            seen.append(start)
            yield start

    mutual_information(LINEAR, linear_params(), KEY, DATA, batch_size=10, progress=progress)
    assert seen == [0, 10, 20]


def test_one_example_and_none():
    one = mutual_information(LINEAR, linear_params(), KEY, {"x": X[:1]})
    np.testing.assert_allclose(one.value, 0, atol=1e-6)
    assert np.isnan(one.standard_error)
    assert one.num_examples == 1
    with pytest.raises(ValueError, match="There are no examples"):
        mutual_information(LINEAR, linear_params(), KEY, {"x": X[:0]})


@pytest.mark.parametrize("name", ["num_samples", "batch_size"])
def test_counts_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        mutual_information(LINEAR, linear_params(), KEY, DATA, **{name: 0})
