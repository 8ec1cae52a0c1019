"""Gradients of posteriors that are not reparameterized: each against the exact one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from linear_gaussian import z_score

from vae_jax import (
    Term,
    chain,
    descend,
    distortion,
    elbo,
    evaluate,
    fit,
    importance_weighted,
    iwae_bound,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.bounds import elbo_bound
from vae_jax.distributions import OneHot, RelaxedOneHot, StraightThroughOneHot, uniform_one_hot
from vae_jax.models import hard, relaxed
from vae_jax.networks import MLP, BernoulliHead, GaussianHead, Network, OneHotHead
from vae_jax.objectives import (
    categorical_rate,
    enumerated,
    reinforce,
    rloo,
    score_function,
    vimco,
)
from vae_jax.objectives.score_function import expectation

S, SIZE = 4, 5  # states: two variables of two classes
X = (np.random.default_rng(0).random((3, SIZE)) < 0.4).astype(np.float32)
MODEL = vae(
    Network(MLP((6,)), OneHotHead((2,), 2)),
    Network(MLP((6,)), BernoulliHead((SIZE,))),
    uniform_one_hot(2, 2),
)
STATES = jnp.eye(2)[np.indices((2, 2)).reshape(2, -1).T]


@pytest.fixture(scope="module")
def params():
    first = jax.jit(MODEL.init)(jax.random.key(0), X[0])
    return jax.tree.map(lambda leaf: 2.0 * leaf, first)  # posteriors that are not all alike


def densities(params, x):
    """log p(x, z) and log q(z|x) of every state, [S]."""

    def of(z):
        log_p = MODEL.decode(params, z).log_prob(x) + MODEL.prior(params).log_prob(z)
        return log_p, MODEL.encode(params, x).log_prob(z)

    return jax.vmap(of)(STATES)


@pytest.mark.parametrize(
    ("estimator", "bound", "num"),
    [
        (reinforce, elbo_bound(), 1),
        (rloo, elbo_bound(), 2),
        (rloo, elbo_bound(), 3),
        (vimco, iwae_bound(), 2),
        (vimco, iwae_bound(), 3),
    ],
)
def test_its_mean_over_all_tuples_is_the_gradient(params, estimator, bound, num):
    """No draw: each of the S^K tuples with its probability."""
    tuples = np.indices((S,) * num).reshape(num, -1).T

    def of_tuples(params):
        log_p, log_q = densities(params, X[0])
        mass = jax.lax.stop_gradient(jnp.exp(log_q[tuples].sum(1)))
        return jnp.sum(mass * jax.vmap(estimator)(log_p[tuples], log_q[tuples]))

    def exact(params):
        return expectation(bound, *densities(params, X[0]), num, 4096)

    run = jax.jit(lambda params: [jax.value_and_grad(f)(params) for f in (of_tuples, exact)])
    (value, gradient), (expected, derivative) = run(params)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for a, b in zip(*map(jax.tree.leaves, (gradient, derivative)), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-6 + 2e-5 * np.abs(b).max())


def test_enumeration_is_the_sum(params):
    """By numpy: the ELBO, the bound of two draws; that of 6 is below log p(x)."""
    log_p, log_q = (np.float64(part) for part in jax.vmap(densities, (None, 0))(params, X))
    q, log_w = np.exp(log_q), log_p - log_q
    elbo = (q * log_w).sum(1).mean()
    pairs = np.log((np.exp(log_w)[:, :, None] + np.exp(log_w)[:, None]) / 2)
    two = (q[:, :, None] * q[:, None] * pairs).sum((1, 2)).mean()
    evidence = np.log(np.exp(log_p).sum(1)).mean()
    found = []
    for bound, K in ((None, 1), (iwae_bound(), 2), (iwae_bound(), 6)):
        objective = enumerated(MODEL, bound, num_draws=K)
        loss, aux = jax.jit(objective)(params, jax.random.key(0), {"x": X}, 0)
        assert aux.metrics["bound"] == -loss
        found.append(-float(loss))
    np.testing.assert_allclose(found[:2], (elbo, two), rtol=1e-5)
    assert elbo < two < found[2] < evidence


def test_of_impossible_states_nothing_is_asked():
    log_q, log_p = jnp.log(jnp.array([0.5, 0.5, 0.0])), jnp.array([-1.0, -2.0, 5.0])
    f = jax.value_and_grad(lambda log_q: expectation(elbo_bound(), log_p, log_q, 1, 99))
    value, gradient = f(log_q)
    np.testing.assert_allclose(value, -1.5 + np.log(2), rtol=1e-6)
    assert np.all(np.isfinite(gradient))


def test_an_impossible_draw_moves_nothing():
    """Of vimco, whose bound has an end while one draw is possible."""
    for log_p in ([-3.0, -jnp.inf, -4.0], [-3.0, -jnp.inf]):
        log_p, log_q = jnp.array(log_p), jnp.array([-1.0, -2.0, -1.5])[: len(log_p)]
        value, gradient = jax.value_and_grad(vimco, (0, 1))(log_p, log_q)
        np.testing.assert_allclose(value, iwae_bound().value(log_p - log_q), rtol=1e-6)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_networks_that_pool_are_refused(key):
    pooled = MODEL._replace(
        decode=lambda params, z, c=None, key=None: MODEL.decode(
            params, z - jax.lax.pmean(z, "batch"), c, key
        )
    )
    params = MODEL.init(key, X[0])
    for objective in (score_function(pooled, rloo, num_draws=2), enumerated(pooled)):
        with pytest.raises(ValueError, match="would be in the bounds of the others"):
            objective(params, key, {"x": X}, 0)


def without_control(log_p, log_q):
    """log mean_k w_k by the score alone, from which nothing is taken: what vimco is beside."""
    bound = iwae_bound().value(log_p - log_q)
    return bound + jnp.sum(jax.lax.stop_gradient(bound) * log_q)  # of which the gradient is asked


def test_draws_have_the_gradient_in_the_mean_and_a_control_lessens_its_variance(params):
    """Of one layer's biases, with as many draws."""
    keys, batch = jax.random.split(jax.random.key(1), 1500), {"x": X}
    exact = jax.jit(jax.grad(lambda p: enumerated(MODEL)(p, keys[0], batch, 0)[0]))(params)
    of_four = enumerated(MODEL, iwae_bound(), num_draws=4)
    tight = jax.jit(jax.grad(lambda p: of_four(p, keys[0], batch, 0)[0]))(params)
    cases = ((reinforce, exact), (rloo, exact), (without_control, tight), (vimco, tight))
    variance = {}
    for estimator, expected in cases:
        objective = score_function(MODEL, estimator, num_draws=4)
        one = jax.grad(lambda p, key, of=objective: of(p, key, batch, 0)[0])
        found = jax.jit(jax.vmap(one, (None, 0)))(params, keys)["encoder"]["head"]["logits"]["bias"]
        expected = np.asarray(expected["encoder"]["head"]["logits"]["bias"])
        assert np.all(np.abs(z_score(found, expected)) < 4.5)
        variance[estimator] = float(np.var(found, axis=0).sum())
    assert variance[rloo] < 0.5 * variance[reinforce]
    assert variance[vimco] < 0.5 * variance[without_control]


def test_classes_are_trained_and_scored(params, key):
    """By rloo: the exact bound rises, and an evaluation by draws is that bound."""
    exact = jax.jit(lambda params: -enumerated(MODEL)(params, key, {"x": X}, 0)[0])
    step = descend(score_function(MODEL, rloo, num_draws=4), optax.adam(3e-2))
    fitted = fit(MODEL, step, {"x": X}, key=key, epochs=60, batch_size=3)
    assert exact(fitted.params) > exact(MODEL.init(key, X[0])) + 0.5
    many = {"x": np.tile(X, (300, 1))}
    for own in (fitted.params, params):
        value = evaluate.elbos(MODEL, own, key, many).value.reshape(300, 3).mean(1)
        assert abs(z_score(np.asarray(value), float(exact(own)))) < 4.5


def test_a_reparameterized_posterior_may_be_given():
    """By the score of its draws, which then carry nothing: the same mean."""
    gaussian = vae(
        Network(MLP((4,)), GaussianHead((1,))),
        Network(MLP((4,)), BernoulliHead((SIZE,))),
        standard_gaussian(1),
    )
    params = jax.jit(gaussian.init)(jax.random.key(0), X[0])
    objectives = (
        score_function(gaussian, rloo, num_draws=8),
        importance_weighted(gaussian, elbo_bound(), num_draws=8),
    )
    keys = jax.random.split(jax.random.key(2), 1000)

    def difference(params, key):
        a, b = (jax.grad(lambda p, of=of: of(p, key, {"x": X}, 0)[0])(params) for of in objectives)
        return jax.tree.map(jnp.subtract, a, b)["encoder"]["head"]["loc"]["bias"]

    assert np.all(np.abs(z_score(jax.jit(jax.vmap(difference, (None, 0)))(params, keys))) < 4.5)


def test_what_does_not_fit_is_refused(params, key):
    given = (params, key, {"x": X}, 0)
    names = r"OneHot, is not reparameterized.*score_function\(model, rloo.*vimco.*enumerated"
    for objective in (weighted_sum(MODEL), importance_weighted(MODEL, iwae_bound(), num_draws=2)):
        with pytest.raises(TypeError, match=names):
            jax.eval_shape(objective, *given)
    with pytest.raises(TypeError, match=names):
        elbo(key, X[0], lambda x: MODEL.encode(params, x), None, MODEL.prior(params))
    for estimator in (rloo, vimco):
        with pytest.raises(ValueError, match="num_draws=2 at least"):
            jax.eval_shape(score_function(MODEL, estimator, num_draws=1), *given)
    with pytest.raises(ValueError, match=r"7 draws of 4 states are 16,384 tuples.*vimco"):
        jax.eval_shape(enumerated(MODEL, iwae_bound(), num_draws=7), *given)
    layers = [Network(MLP((4,)), GaussianHead((2,))) for _ in range(2)]
    below = [Network(MLP((4,)), BernoulliHead((SIZE,))), Network(MLP((4,)), GaussianHead((2,)))]
    two = chain(layers, below, standard_gaussian(2))
    with pytest.raises(TypeError, match=r"a model of one latent; this one draws z1, z2"):
        jax.eval_shape(enumerated(two), two.init(key, X[0]), *given[1:])


def test_a_relaxed_model_is_trained_and_the_classes_are_scored(params, key):
    """A temperature that falls with the steps; the rate of the categoricals makes no "bound"."""
    model = relaxed(MODEL, optax.linear_schedule(1.0, 0.2, 4))
    terms = [Term("distortion", distortion), Term("categorical_rate", categorical_rate)]
    step = descend(weighted_sum(model, terms), optax.adam(1e-2))
    state = jax.jit(step.init)(key, model.init(key, X[0]))
    update = jax.jit(step.update)
    for n in range(6):
        q = model.encode(state.params, X[0])
        assert isinstance(q, RelaxedOneHot)
        np.testing.assert_allclose(np.exp(q.log_temperature), max(0.2, 1 - 0.2 * n), rtol=1e-5)
        state, metrics = update(state, {"x": X})
    assert sorted(metrics) == ["categorical_rate", "distortion", "loss"]
    own = hard(model)
    assert isinstance(own.encode(state.params, X[0]), OneHot)
    assert isinstance(own.prior(state.params), OneHot)
    scored, plain = (
        evaluate.elbos(m, state.params, key, {"x": X}, num_samples=50) for m in (own, MODEL)
    )
    jax.tree.map(np.testing.assert_array_equal, scored, plain)
    through = relaxed(MODEL, 0.5, straight_through=True)
    assert isinstance(through.encode(params, X[0]), StraightThroughOneHot)
    losses = [
        jax.jit(objective)(params, key, {"x": X}, 0)[0]
        for objective in (weighted_sum(through), weighted_sum(through, [*terms]))
    ]
    np.testing.assert_allclose(*losses, rtol=1e-6)  # the rate of the categoricals is the rate
    with pytest.raises(TypeError, match=r"Here a OneHot is expected.*got Gaussian"):
        relaxed(MODEL._replace(encode=lambda *_: standard_gaussian(2)), 0.5).encode(params, X[0])
    with pytest.raises(ValueError, match=r"temperature must be above 0.*got 0"):
        relaxed(MODEL, 0.0)
