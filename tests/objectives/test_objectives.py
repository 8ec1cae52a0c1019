"""Losses of the linear-Gaussian model, for which bound and posterior are known."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import optax
import pytest
from linear_gaussian import z_score

from vae_jax import Bernoulli, Gaussian, Mixture, bounds, kl
from vae_jax.bounds import ciwae_bound, elbo_bound, iwae_bound, miwae_bound
from vae_jax.objectives import (
    Term,
    distortion,
    importance_weighted,
    rate,
    sampled_rate,
    weighted_sum,
)

MODEL = lg.RECORD
PARAMS = lg.params(shift=0.4, width=1.2)  # q off the posterior
BATCH = {"x": jnp.asarray(lg.X, jnp.float32)}
N = 4000  # keys: standard errors of 1.6 % of one loss's deviation


def over_keys(objective, params=PARAMS, batch=BATCH, n=N):
    """The losses and metrics under n keys, [n]."""
    keys = jax.random.split(jax.random.key(7), n)
    loss, aux = jax.jit(jax.vmap(lambda key: objective(params, key, batch, 0)))(keys)
    return np.asarray(loss), aux.metrics


@pytest.fixture(scope="module")
def negative_elbo():
    return over_keys(weighted_sum(MODEL))


def test_the_default_is_the_front_doors_negative_elbo(negative_elbo):
    encode, decode, prior = lg.model(PARAMS)

    @jax.jit
    @jax.vmap
    def front_door(key):
        keys = jax.random.split(key, 3)
        return jax.vmap(lambda k, x: bounds.elbo(k, x, encode, decode, prior))(keys, BATCH["x"])

    elbo = jax.tree.map(
        lambda leaf: leaf.mean(1), front_door(jax.random.split(jax.random.key(8), N))
    )
    loss, metrics = negative_elbo
    assert abs(z_score(loss + elbo.value)) < 4.5
    assert abs(z_score(metrics["distortion"] - elbo.distortion)) < 4.5
    # the rate has no noise: 3 examples' mean, rounded
    expected = np.mean([kl(encode(x), prior) for x in BATCH["x"]])
    np.testing.assert_allclose(metrics["rate"], expected, rtol=1e-6)


def test_the_loss_is_the_gap_above_the_evidence(negative_elbo):
    """-log p(x) + KL(q || posterior), and q's is 0.4 deviations off and 1.2 as wide, in 2 dims."""
    gap = 2 * 0.5 * (1.2**2 - 1 - np.log(1.2**2) + 0.4**2)
    assert abs(z_score(negative_elbo[0], -lg.log_evidence(lg.X).mean() + gap)) < 4.5


def test_metrics_are_the_unweighted_terms(negative_elbo):
    loss, metrics = negative_elbo
    assert set(metrics) == {"loss", "distortion", "rate"}
    np.testing.assert_array_equal(metrics["loss"], loss)
    np.testing.assert_allclose(loss, metrics["distortion"] + metrics["rate"], rtol=1e-6)


def test_a_weight_scales_its_term_and_leaves_the_metric(key):
    objective = weighted_sum(MODEL, [Term("distortion", distortion), ("kl", rate, 4.0)])
    loss, aux = objective(PARAMS, key, BATCH, 0)
    expected = aux.metrics["distortion"] + 4 * aux.metrics["kl"]
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    plain = weighted_sum(MODEL)(PARAMS, key, BATCH, 0)[1].metrics
    np.testing.assert_allclose(aux.metrics["kl"], plain["rate"], rtol=1e-6)
    np.testing.assert_allclose(aux.metrics["distortion"], plain["distortion"], rtol=1e-6)


def test_a_schedule_is_read_at_the_step(key):
    warm_up = optax.linear_schedule(0.0, 1.0, 10)
    objective = jax.jit(
        weighted_sum(MODEL, [Term("distortion", distortion), Term("rate", rate, warm_up)])
    )
    for step, weight in ((0, 0.0), (3, 0.3), (10, 1.0), (99, 1.0)):
        loss, aux = objective(PARAMS, key, BATCH, jnp.asarray(step))
        expected = aux.metrics["distortion"] + weight * aux.metrics["rate"]
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_more_draws_divide_the_variance(negative_elbo):
    loss, _ = over_keys(weighted_sum(MODEL, num_samples=8))
    ratio = np.var(negative_elbo[0]) / np.var(loss)
    # relative error of a variance: sqrt((kurtosis - 1) / n), kurtosis below 5 here; of two: 0.045
    assert abs(ratio - 8) < 4.5 * 0.045 * 8
    assert abs(z_score(loss - negative_elbo[0])) < 4.5


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([("mmd", rate), ("kl", rate), ("mmd", sampled_rate)], r"unique; \['mmd'\] occur more"),
        ([], "needs at least one term"),
        ([("loss", rate)], "cannot be named 'loss'"),
    ],
)
def test_names_that_would_overwrite_each_other_are_refused(terms, message):
    with pytest.raises(ValueError, match=message):
        weighted_sum(MODEL, terms)


def test_a_term_that_is_not_one_number_is_refused(key):
    """A squared error per pixel would be averaged over the pixels, silently."""
    term = Term("error", lambda d: (d.x - d.trace.likelihood.mean()) ** 2)
    with pytest.raises(ValueError, match=r"'error' must be one number.*\(4,\).*sum over"):
        weighted_sum(MODEL, [term])(PARAMS, key, BATCH, 0)


@pytest.mark.parametrize("count", [0, -1])
def test_counts_are_at_least_one(count):
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        weighted_sum(MODEL, num_samples=count)
    with pytest.raises(ValueError, match="num_draws must be at least 1"):
        importance_weighted(MODEL, iwae_bound(), num_draws=count)


def test_the_sampled_rate_has_the_rates_mean():
    terms = [Term("sampled", sampled_rate), Term("rate", rate)]
    _, metrics = over_keys(weighted_sum(MODEL, terms))
    difference = metrics["sampled"] - metrics["rate"]
    assert abs(z_score(difference)) < 4.5
    assert 0.1 < np.std(difference) < 10


def test_one_draw_of_the_importance_weighted_bound_is_the_sampled_elbo(key):
    terms = [Term("distortion", distortion), Term("rate", sampled_rate)]
    expected, _ = weighted_sum(MODEL, terms)(PARAMS, key, BATCH, 0)
    for bound in (elbo_bound(), iwae_bound(), miwae_bound(1), ciwae_bound(0.3)):
        loss, _ = importance_weighted(MODEL, bound, num_draws=1)(PARAMS, key, BATCH, 0)
        np.testing.assert_allclose(loss, expected, rtol=2e-6)


@pytest.mark.parametrize("score_free", [False, True])
def test_the_importance_weighted_loss_is_minus_the_front_doors_bound(score_free):
    objective = importance_weighted(MODEL, iwae_bound(), num_draws=5, score_free=score_free)
    loss, metrics = over_keys(objective)
    np.testing.assert_array_equal(metrics["bound"], -loss)
    np.testing.assert_array_equal(metrics["loss"], loss)

    @jax.jit
    @jax.vmap
    def front_door(key):
        keys = jax.random.split(key, 3)
        run = lambda k, x: bounds.iwae(k, x, *lg.model(PARAMS), num_samples=5)  # noqa: E731
        return jax.vmap(run)(keys, BATCH["x"]).mean()

    bound = front_door(jax.random.split(jax.random.key(9), N))
    assert abs(z_score(metrics["bound"] - bound)) < 4.5
    # below the evidence by about Var(w) / 2K, which is not zero here
    assert z_score(metrics["bound"], lg.log_evidence(lg.X).mean()) < -4.5


def test_draws_that_make_no_groups_are_refused(key):
    objective = importance_weighted(MODEL, miwae_bound(2), num_draws=5)
    with pytest.raises(ValueError, match="5 draws do not make 2 groups"):
        jax.eval_shape(objective, PARAMS, key, BATCH, 0)


def gradients(score_free):
    objective = importance_weighted(MODEL, iwae_bound(), num_draws=4, score_free=score_free)
    return jax.grad(lambda params, key, batch: objective(params, key, batch, 0)[0])


def test_the_score_free_gradient_has_the_plain_ones_mean():
    @jax.jit
    @jax.vmap
    def both(key):
        return gradients(False)(PARAMS, key, BATCH), gradients(True)(PARAMS, key, BATCH)

    plain, free = both(jax.random.split(jax.random.key(1), N))
    scores = jax.tree.map(lambda p, f: z_score(p - f), plain["encoder"], free["encoder"])
    assert max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(scores)) < 4.5
    for group in ("decoder", "prior"):  # learned too, and by the plain gradient of the same draws
        for one, other in zip(*map(jax.tree.leaves, (plain[group], free[group])), strict=True):
            # some 50 roundings of terms of size 1 to 10
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    assert np.var(free["encoder"]["c"]) < 0.8 * np.var(plain["encoder"]["c"])


def test_the_score_free_gradient_is_zero_at_the_posterior(key, x64):
    batch, params = {"x": jnp.asarray(lg.X)}, lg.params(np.float64)
    free = jax.jit(gradients(True))(params, key, batch)["encoder"]
    plain = jax.jit(gradients(False))(params, key, batch)["encoder"]
    assert max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(free)) < 1e-12
    assert max(np.max(np.abs(leaf)) for leaf in jax.tree.leaves(plain)) > 1e-2


@pytest.mark.parametrize(
    ("posterior", "message"),
    [
        (
            lambda loc: Mixture(loc, jax.vmap(Gaussian)(jnp.ones((2, 2)), jnp.ones(2))),
            "Mixture, is not rep",
        ),
        (Bernoulli, "Bernoulli, has a density of 'counts', the prior, Gaussian, one of 'volume'"),
    ],
    ids=["mixture", "bernoulli"],
)
def test_a_posterior_without_a_path_is_refused(posterior, message, key):
    model = MODEL._replace(
        encode=lambda params, x, c=None, key=None: posterior(params["encoder"]["c"])
    )
    for objective in (
        weighted_sum(model, [Term("distortion", distortion)]),
        importance_weighted(model, iwae_bound(), num_draws=2),
        importance_weighted(model, iwae_bound(), num_draws=2, score_free=True),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            jax.eval_shape(objective, PARAMS, key, BATCH, 0)


def test_a_wrong_shape_is_refused(key):
    """The encoder takes x [4, 1], and the likelihood over [4] would broadcast against it."""
    model = MODEL._replace(encode=lambda params, x, c=None, key=None: lg.model(params)[0](x[:, 0]))
    with pytest.raises(ValueError, match=r"over events of shape \[4\], and x has shape \[4, 1\]"):
        weighted_sum(model)(PARAMS, key, {"x": BATCH["x"][..., None]}, 0)
