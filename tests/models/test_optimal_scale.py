"""The one best variance: of a batch in training, of the training data in evaluation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import (
    Gaussian,
    averaged,
    descend,
    evaluate,
    fit,
    iwae_bound,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.data import scale
from vae_jax.models import trace, with_optimal_scale
from vae_jax.networks import MLP, BernoulliHead, FixedScale, GaussianHead, Network
from vae_jax.objectives import Aux, importance_weighted, over_batch
from vae_jax.train import loop, settled

N, B, D, K = 12, 4, 3, 5
X = np.random.default_rng(0).normal(2.0, 1.5, (N, D)).astype(np.float32)
KEY = jax.random.key(0)
ENCODER = Network(MLP((4,)), GaussianHead((2,)))
PLAIN = vae(ENCODER, Network(MLP((4,)), GaussianHead((D,), FixedScale())), standard_gaussian(2))
MODEL = with_optimal_scale(PLAIN)
PARAMS = MODEL.init(KEY, X[0])
BATCH = {"x": X[:B]}
STEP = descend(weighted_sum(MODEL), optax.adam(1e-2))


def at(log_scale, params=PARAMS):
    """The model of one constant scale, whose draws are those of the other."""

    def decode(params, z, c=None, key=None):
        return Gaussian(PLAIN.decode(params, z, c, key).loc, log_scale)

    return PLAIN._replace(decode=decode)


def test_the_distortion_is_that_of_the_pooled_variance():
    """In the mean its closed form; its gradient that of the closed form, though s^2 has none."""
    objective = weighted_sum(MODEL, num_samples=K)
    run = jax.jit(jax.value_and_grad(objective, has_aux=True))
    (_, aux), gradient = run(PARAMS, KEY, BATCH, 0)

    def closed(params):
        def example(params, key, x, c):
            draw_key, noise, _ = jax.random.split(key, 3)
            keys = jax.vmap(lambda k: jax.random.fold_in(draw_key, k))(jnp.arange(K))
            t = jax.vmap(lambda k: trace(PLAIN, params, k, x, c, None, noise))(keys)
            return jnp.mean((x[None] - t.likelihood.loc) ** 2), None

        squares, _ = over_batch(example, PLAIN, params, KEY, BATCH)
        return D / 2 * (jnp.log(squares.mean()) + 1 + jnp.log(2 * jnp.pi))

    expected, of_distortion = jax.jit(jax.value_and_grad(closed))(PARAMS)
    np.testing.assert_allclose(aux.metrics["distortion"], expected, rtol=1e-5)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5),
        gradient["decoder"],
        of_distortion["decoder"],
    )
    assert aux.state is None  # nothing moves in training


def test_an_importance_weighted_bound_is_ascended_at_its_variance():
    """Value and gradient are those of the constant that the pooled variance is."""
    bound = iwae_bound()
    objective = importance_weighted(MODEL, bound, num_draws=K)
    (loss, _), gradient = jax.jit(jax.value_and_grad(objective, has_aux=True))(
        PARAMS, KEY, BATCH, 0
    )

    def squares(params):
        def example(params, key, x, c):
            draw_key, noise = jax.random.split(key)
            keys = jax.vmap(lambda k: jax.random.fold_in(draw_key, k))(jnp.arange(K))
            t = jax.vmap(lambda k: trace(PLAIN, params, k, x, c, None, noise))(keys)
            return jnp.mean((x[None] - t.likelihood.loc) ** 2), None

        return over_batch(example, PLAIN, params, KEY, BATCH)[0].mean()

    fixed = importance_weighted(at(0.5 * jnp.log(squares(PARAMS))), bound, num_draws=K)
    expected, of_fixed = jax.jit(jax.value_and_grad(fixed, has_aux=True))(PARAMS, KEY, BATCH, 0)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-5)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5),
        {name: gradient[name] for name in ("encoder", "decoder")},
        {name: of_fixed[name] for name in ("encoder", "decoder")},
    )


def squares_of(params):
    """The mean square over the training data, of one draw each, within its standard error."""
    loc = lambda k, x: trace(PLAIN, params, k, x).likelihood.loc  # noqa: E731
    keys = jax.random.split(jax.random.key(7), (400, N))
    drawn = jax.jit(jax.vmap(jax.vmap(loc), in_axes=(0, None)))(keys, jnp.asarray(X))
    each = np.mean((X - np.asarray(drawn)) ** 2, axis=(1, 2))
    return each.mean(), each.std()


def test_an_evaluation_reads_one_pass_over_the_training_data():
    """Of all examples, those of a ragged last part too, by the parameters that are evaluated."""
    step = averaged(STEP, 0.9)
    data = {"x": X}
    how = {"key": KEY, "epochs": 3, "batch_size": 5, "held_out": {"x": X[:2]}}
    fitted = fit(MODEL, step, data, **how, prepare=scale(1), score=None)
    kept = fitted.params["state"]["scale"]["mean_square"]
    key = jax.random.fold_in(fitted.state.key, loop._SETTLING)
    how = {"prepare": scale(1), "batch_size": 5}
    same = settled(MODEL, fitted.params, key, data, **how)["state"]["scale"]["mean_square"]
    np.testing.assert_array_equal(kept, same)  # by the averages
    mean, deviation = squares_of(fitted.params)
    assert abs(kept - mean) < 4 * deviation
    moving = settled(MODEL, fitted.state.params, key, data, **how)["state"]["scale"]
    assert moving["mean_square"] != kept
    likelihood = MODEL.decode(fitted.params, jnp.zeros(2))
    np.testing.assert_allclose(likelihood.log_scale, np.full(D, 0.5 * np.log(kept)), rtol=1e-6)
    elbo = evaluate.elbos(MODEL, fitted.params, KEY, {"x": X[:2]}).value.mean()
    assert np.isfinite(elbo)
    source = [{"x": x} for x in X]
    given = (MODEL, fitted.params, KEY)
    one, other = (settled(*given, of)["state"]["scale"] for of in (data, source))
    np.testing.assert_array_equal(one["mean_square"], other["mean_square"])
    assert settled(PLAIN, PARAMS, KEY, data) is PARAMS


def test_a_fitted_bound_is_called_so():
    how = {"key": KEY, "epochs": 1, "batch_size": 4, "held_out": {"x": X[:2]}}
    rows = fit(MODEL, STEP, {"x": X}, **how).rows
    assert "bound" not in rows[0]
    np.testing.assert_allclose(
        rows[0]["fitted_bound"], -rows[0]["distortion"] - rows[0]["rate"], rtol=1e-6
    )
    assert np.isfinite(rows[1]["elbo"])
    weighted = descend(importance_weighted(MODEL, iwae_bound(), num_draws=2), optax.adam(1e-2))
    row = fit(MODEL, weighted, {"x": X}, **how).rows[0]
    assert row["fitted_bound"] == -row["loss"]


def test_before_a_pass_there_is_no_number():
    """And not that of some other variance."""
    state, _ = train_epoch(STEP, STEP.init(KEY, PARAMS), {"x": X}, batch_size=B)
    bound = evaluate.elbos(MODEL, state.params, KEY, {"x": X})
    assert np.all(np.isnan(bound.value))
    ready = settled(MODEL, state.params, KEY, {"x": X})
    assert np.all(np.isfinite(evaluate.elbos(MODEL, ready, KEY, {"x": X}).value))


def test_the_floor_holds_where_nothing_is_left():
    exact = with_optimal_scale(
        at(0.0)._replace(decode=lambda p, z, c=None, k=None: Gaussian(jnp.zeros(D), jnp.zeros(())))
    )
    _, aux = weighted_sum(exact)(PARAMS, KEY, {"x": jnp.zeros((B, D))}, 0)
    expected = D * (-6.0 + 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(aux.metrics["distortion"], expected, rtol=1e-6)


def test_what_has_no_such_variance_is_refused():
    binary = vae(ENCODER, Network(MLP((4,)), BernoulliHead((D,))), standard_gaussian(2))
    with pytest.raises(TypeError, match=r"makes a Gaussian, .* this one makes a Bernoulli"):
        with_optimal_scale(binary).init(KEY, X[0])
    free = importance_weighted(MODEL, iwae_bound(), num_draws=2, score_free=True)
    with pytest.raises(ValueError, match="score_free is for networks that see one example"):
        free(PARAMS, KEY, BATCH, 0)

    def own(params, key, batch, step):
        def example(params, key, x, c):
            return -trace(MODEL, params, key, x, c, None, key).likelihood.log_prob(x), None

        loss, state = over_batch(example, MODEL, params, key, batch)
        return loss.mean(), Aux({"loss": loss.mean()}, state)

    with pytest.raises(NameError, match=r"by jax.vmap\(..., axis_name='draws'\)"):
        own(PARAMS, KEY, BATCH, 0)
