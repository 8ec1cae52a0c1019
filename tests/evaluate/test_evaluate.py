"""Numbers of a data set: each example's by itself, whatever batch it is in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import (
    Bernoulli,
    Categorical,
    Gaussian,
    bounds,
    evaluate,
    kl,
    sampled_rate,
    standard_gaussian,
    vae,
)
from vae_jax.bounds.draws import sample_keys
from vae_jax.networks import MLP, BernoulliHead, CategoricalHead, GaussianHead, Network, one_hot

N = 23
X = (np.random.default_rng(0).random((N, 6)) < 0.4).astype(np.float32)
DATA = {"x": X}
ENCODER = Network(MLP((4,)), GaussianHead((2,)))
MODEL = vae(ENCODER, Network(MLP((4,)), BernoulliHead((6,))), standard_gaussian(2))
PARAMS = MODEL.init(jax.random.key(5), X[0])
PARAMS = {**PARAMS, "encoder": jax.tree.map(lambda leaf: 0.5 * leaf, PARAMS["encoder"])}
KEY = jax.random.key(1)
# the same operations on 10 rows or on 23: the order of a sum may differ
ROUNDING = {"rtol": 2e-6, "atol": 2e-6}


def encode(x):
    return MODEL.encode(PARAMS, x)


def decode(z):
    return MODEL.decode(PARAMS, z)


def assert_alike(one, other):
    assert type(one) is type(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, **ROUNDING)


@pytest.fixture(scope="module")
def elbos():
    return evaluate.elbos(MODEL, PARAMS, KEY, DATA, num_samples=3, batch_size=N)


@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_nor_with_other_kinds_of_keys(kind):
    """Under `vmap` these draw from the first key of a batch."""
    options = {"params": PARAMS, "key": jax.random.key(1, impl=kind), "data": DATA}
    one, other = (
        evaluate.log_likelihoods(
            MODEL, **options, num_samples=6, batch_size=size, chunk_size=chunk
        ).value
        for size, chunk in ((N, 6), (10, 2))
    )
    np.testing.assert_allclose(one, other, **ROUNDING)
    assert np.std(one) > 0.1
    differ = {**options, "key": jax.random.split(options["key"])[0]}
    assert np.all(one != evaluate.log_likelihoods(MODEL, **differ, num_samples=6).value)


@pytest.mark.parametrize("batch_size", [10, 22, 100])
def test_elbos_do_not_depend_on_the_batch_size(elbos, batch_size):
    """N = 23: a last batch of 3, one of 1, and one that is not full at all."""
    again = evaluate.elbos(MODEL, PARAMS, KEY, DATA, num_samples=3, batch_size=batch_size)
    assert again.value.shape == (N,)
    assert_alike(again, elbos)
    one, other = evaluate.mean(again.value), evaluate.mean(elbos.value)
    np.testing.assert_allclose(one.value, other.value, rtol=1e-6)  # the last is not over-weighted


def test_elbos_are_those_of_each_example_under_its_own_key(elbos):
    """The front door's, whose K draws are the same."""
    keys = sample_keys(KEY, jnp.arange(N))
    prior = standard_gaussian(2)
    run = lambda key, x: bounds.elbo(key, x, encode, decode, prior, num_samples=3)  # noqa: E731
    assert_alike(elbos, bounds.ELBO(*jax.jit(jax.vmap(run))(keys, X)))
    np.testing.assert_allclose(elbos.value, -elbos.distortion - elbos.rate, rtol=1e-6)
    expected = jax.jit(jax.vmap(lambda x: kl(encode(x), prior)))(X)
    np.testing.assert_allclose(elbos.rate, expected, **ROUNDING)


def test_equal_examples_have_draws_of_their_own():
    bound = evaluate.elbos(MODEL, PARAMS, KEY, {"x": np.tile(X[:1], (8, 1))})
    assert len(np.unique(bound.distortion)) == 8
    np.testing.assert_allclose(bound.rate, bound.rate[0], rtol=1e-6)


def test_the_sampled_rate():
    """More draws bring it to the closed form: 4000 of them, for one example."""
    closed, sampled = (
        evaluate.elbos(MODEL, PARAMS, KEY, {"x": X[:1]}, num_samples=4000, **rate)
        for rate in ({}, {"rate": sampled_rate})
    )
    np.testing.assert_allclose(closed.distortion, sampled.distortion, rtol=1e-6)
    # log q - log p = sum_d ((m + s e)^2 - e^2) / 2 - log s, e standard: in closed form its variance
    # is sum_d (m s)^2 + (s^2 - 1)^2 / 2
    q = encode(X[0])
    m, s = np.asarray(q.loc), np.exp(q.log_scale)
    error = np.sqrt(((m * s) ** 2 + (s**2 - 1) ** 2 / 2).sum() / 4000)
    assert 0 < abs(closed.rate[0] - sampled.rate[0]) < 4.5 * error


def test_log_likelihoods_are_the_front_doors():
    settings = {"num_samples": 7, "chunk_size": 3}
    ours = evaluate.log_likelihoods(MODEL, PARAMS, KEY, DATA, batch_size=10, **settings)
    keys = sample_keys(KEY, jnp.arange(N))

    def run(key, x):
        return bounds.log_likelihood(key, x, encode, decode, standard_gaussian(2), **settings)

    assert_alike(ours, bounds.LogLikelihood(*jax.jit(jax.vmap(run))(keys, X)))
    assert np.all((ours.ess > 1) & (ours.ess < 7))


def test_one_example():
    data = {"x": X[:1]}
    bound = evaluate.elbos(MODEL, PARAMS, KEY, data)
    assert bound.value.shape == (1,)
    assert np.isfinite(bound.value[0])
    mean = evaluate.mean(bound.value)
    assert mean.value == bound.value[0]
    assert np.isnan(mean.standard_error)  # one example says nothing about others
    with pytest.raises(ValueError, match="need two examples at least; got 1"):
        evaluate.active_units(MODEL, PARAMS, KEY, data)


def test_a_mean_and_its_standard_error():
    values = np.random.default_rng(0).normal(-90, 12, size=1000).astype(np.float32)
    mean = evaluate.mean(values)
    np.testing.assert_allclose(mean.value, values.mean(dtype=np.float64), rtol=1e-12)
    expected = np.sqrt(((values.astype(np.float64) - mean.value) ** 2).sum() / 999 / 1000)
    np.testing.assert_allclose(mean.standard_error, expected, rtol=1e-12)


def test_active_units_are_numpys_variances_above_a_threshold():
    means = np.stack([encode(x).loc for x in X])
    np.testing.assert_allclose(
        evaluate.posterior_means(MODEL, PARAMS, DATA, batch_size=10), means, **ROUNDING
    )
    variance = np.var(means, axis=0, ddof=1)
    between = float(variance.mean())
    options = {"threshold": between, "batch_size": 10}
    active = evaluate.active_units(MODEL, PARAMS, KEY, DATA, **options)["z"]
    np.testing.assert_allclose(active.variance, variance, rtol=1e-5)
    assert (active.number, active.threshold, active.num_examples) == (1, between, N)
    assert evaluate.active_units(MODEL, PARAMS, KEY, DATA)["z"].threshold == 0.01


def test_rounded_posteriors_are_warned_of():
    """Of a scale of e^-16 at 3, between which and the next float there is e^-15; not at 0."""
    model = MODEL._replace(
        encode=lambda params, x, c=None, key=None: Gaussian(3 * x[:2], jnp.full(2, -16.0))
    )
    message = "posteriors of 2 of 3 examples, the first that of .*PredictedScale.floor"
    data = {"x": np.eye(3, 6, dtype=np.float32)}
    with pytest.warns(UserWarning, match=message):
        evaluate.elbos(model, PARAMS, KEY, data, rate=sampled_rate)
    evaluate.elbos(model, PARAMS, KEY, {"x": data["x"][2:]}, rate=sampled_rate)


def test_a_constant_far_from_zero_is_not_active():
    """Summed in float32, a constant 28.18 of 500,000 examples has a variance above 0.01."""
    constant = np.full((500_000, 2), 28.18, np.float32)
    assert np.all(constant.var(axis=0, ddof=1) > 0.01)  # what is avoided
    model = MODEL._replace(
        encode=lambda params, x, c=None, key=None: Gaussian(x, jnp.zeros(2)),
        prior=lambda params, c=None, key=None: standard_gaussian(2),
        decode=lambda params, z, c=None, key=None: Gaussian(z, jnp.zeros(2)),
    )
    units = evaluate.active_units(
        model, {}, KEY, {"x": constant}, num_samples=2, batch_size=len(constant)
    )
    assert units["z"].number == 0
    np.testing.assert_allclose(units["z"].variance, 0, atol=1e-9)


def test_units_that_ignore_x_are_not_active():
    constant = MODEL._replace(
        encode=lambda params, x, c=None, key=None: Gaussian(jnp.stack([x[0], 0.0]), jnp.zeros(2))
    )
    active = evaluate.active_units(constant, PARAMS, KEY, DATA)["z"]
    assert active.number == 1
    np.testing.assert_allclose(active.variance, [X[:, 0].var(ddof=1), 0], rtol=1e-5, atol=1e-9)


def test_conditions_stay_with_their_examples():
    network = Network(MLP((4,)), GaussianHead((2,)), one_hot(3))
    decoder = Network(MLP((4,)), BernoulliHead((6,)), one_hot(3))
    model = vae(network, decoder, standard_gaussian(2))
    params, c = model.init(jax.random.key(0), X[0], 0), np.arange(N) % 3
    bound = evaluate.elbos(model, params, KEY, {"x": X, "c": c}, batch_size=10)
    rates = [kl(model.encode(params, X[n], int(c[n])), standard_gaussian(2)) for n in range(3)]
    np.testing.assert_allclose(bound.rate[:3], rates, **ROUNDING)
    settings = {"num_samples": 2, "batch_size": 10}
    likelihood = evaluate.log_likelihoods(model, params, KEY, {"x": X, "c": c}, **settings)
    other = evaluate.log_likelihoods(model, params, KEY, {"x": X, "c": (c + 1) % 3}, **settings)
    assert np.all(likelihood.value != other.value)
    with pytest.raises(ValueError, match=r"one entry for each example; .* \[22, 23\]"):
        evaluate.elbos(model, params, KEY, {"x": X, "c": jnp.asarray(c[1:])})


def test_dropout_is_off():
    dropping = Network(MLP((4,), dropout=0.5), GaussianHead((2,)))
    model = vae(dropping, Network(MLP((4,)), BernoulliHead((6,))), standard_gaussian(2))
    one, other = (evaluate.elbos(m, PARAMS, KEY, {"x": X[:3]}) for m in (model, MODEL))
    assert_alike(one, other)


def test_progress_wraps_the_loop():
    seen = []

    def progress(batches):
        for start in batches:
            seen.append(start)
            yield start

    evaluate.elbos(MODEL, PARAMS, KEY, DATA, num_samples=3, batch_size=10, progress=progress)
    assert seen == [0, 10, 20]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 0}, "num_samples must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": -1}, "batch_size must be at least 1"),
    ],
)
def test_counts_are_at_least_one(settings, message):
    with pytest.raises(ValueError, match=message):
        evaluate.elbos(MODEL, PARAMS, KEY, DATA, **settings)


def spoiled(value):
    x = X.copy()
    x[4, 2] = value
    return {"x": x}


@pytest.mark.parametrize(
    "look",
    [
        lambda data: evaluate.posterior_means(MODEL, PARAMS, data),
        lambda data: evaluate.embeddings(MODEL, PARAMS, KEY, data),
        lambda data: evaluate.active_units(MODEL, PARAMS, KEY, data, num_samples=2),
        lambda data: evaluate.mutual_information(MODEL, PARAMS, KEY, data),
    ],
)
def test_what_cannot_be_scored_is_not_embedded(look):
    with pytest.raises(ValueError, match="1 of 23 examples are outside the likelihood's support"):
        look(spoiled(255.0))


def test_grey_levels_under_a_bernoulli_are_refused():
    message = (
        r"1 of 23 examples are outside the likelihood's support, the first x\[4\], with values"
        r" between 0 and 1\. Bernoulli .*vae_jax\.data\.binarise.*ContinuousBernoulli"
    )
    for evaluation in (evaluate.elbos, evaluate.log_likelihoods):
        options = {"num_samples": 1}
        with pytest.raises(ValueError, match=message):
            evaluation(MODEL, PARAMS, KEY, spoiled(0.5), **options)
    integers = {"x": np.tile(np.arange(6, dtype=np.uint8) * 51, (N, 1))}
    with pytest.raises(ValueError, match=r"23 of 23 .* x\[0\], with values between 0 and 255"):
        evaluate.check_support(MODEL, PARAMS, integers)


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")]
)
def test_values_that_are_no_numbers_are_refused(value, kind):
    with pytest.raises(ValueError, match=rf"x \[23, .* has 1 {kind} values, .* index \(4, "):
        evaluate.check_support(MODEL, PARAMS, spoiled(value))


def test_no_data_is_refused():
    empty = {"x": X[:0]}
    for evaluation in (evaluate.check_support, evaluate.posterior_means):
        with pytest.raises(ValueError, match="There are no examples"):
            evaluation(MODEL, PARAMS, empty)


def test_classes_out_of_range_are_refused():
    decoder = Network(MLP((4,)), CategoricalHead((6,), 3))
    model = vae(ENCODER, decoder, standard_gaussian(2))
    classes = np.arange(N * 6).reshape(N, 6) % 3
    params = model.init(jax.random.key(0), classes[0])
    assert type(model.decode(params, jnp.zeros(2))) is Categorical
    evaluate.check_support(model, params, {"x": classes})
    classes[7, 1] = 3
    message = r"first x\[7\], with values between 0 and 3\. Categorical takes integer classes"
    with pytest.raises(ValueError, match=message):
        evaluate.check_support(model, params, {"x": classes})


def test_data_in_the_support_pass():
    assert type(MODEL.decode(PARAMS, jnp.zeros(2))) is Bernoulli
    evaluate.check_support(MODEL, PARAMS, DATA)
    evaluate.check_support(MODEL, PARAMS, {"x": X.astype(np.uint8)})


def test_the_mean_of_a_record_is_refused():
    """Its fields would be averaged with one another: value + distortion + rate = 0."""
    bound = evaluate.elbos(MODEL, PARAMS, KEY, {"x": X})
    with pytest.raises(ValueError, match=r"got ELBO of shape \(3, 23\).* pass its \.value"):
        evaluate.mean(bound)


def test_data_that_is_no_batch_is_refused():
    with pytest.raises(TypeError, match=r'dict {"x": examples}.*got a'):
        evaluate.elbos(MODEL, PARAMS, KEY, X)
