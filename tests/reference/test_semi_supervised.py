"""Objectives and penalties of one's own: M2, with labels partly missing, and RAE's decay."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from linear_gaussian import z_score

from vae_jax import (
    Aux,
    Term,
    add,
    descend,
    distortion,
    importance_weighted,
    iwae_bound,
    over_batch,
    penalty,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.models import log_posterior, log_prior, trace
from vae_jax.networks import MLP, BernoulliHead, DeltaHead, GaussianHead, Network, one_hot

K, MISSING = 3, -1
RANDOM = np.random.default_rng(0)
X = (RANDOM.random((12, 6)) < 0.4).astype(np.float32)
C = np.where(np.arange(12) % 3 == 0, np.arange(12) // 3 % K, MISSING).astype(np.int32)


class Normalised(nn.Module):
    """A body with a state: BatchNorm."""

    @nn.compact
    def __call__(self, x, c):
        still = not self.is_mutable_collection("batch_stats")
        x = nn.Dense(8)(jnp.concatenate([x, c]))
        return nn.relu(nn.BatchNorm(still, axis_name="batch")(x))


CLASSIFIER = nn.Dense(K)
LABEL = one_hot(K, missing=True)
MODEL = vae(
    Network(Normalised(), GaussianHead((2,)), LABEL),
    Network(MLP((8,)), BernoulliHead((6,)), LABEL),
    standard_gaussian(2),
    groups={"classifier": lambda key, x, c, z: CLASSIFIER.init(key, x)["params"]},
)


def bound_given(params, key, x, c):
    """log p(x|z,c) + log p(z) - log q(z|x,c) of one draw, with p(c) uniform, and the state."""
    draw_key, noise = jax.random.split(key)
    t = trace(MODEL, params, draw_key, x, c, noise=noise)
    log_w = t.likelihood.log_prob(x) + log_prior(t) - log_posterior(t)
    return log_w - jnp.log(K), t.state


def m2(params, key, batch, step):
    """Kingma et al. 2014, arXiv 1406.5298, eq. 6 to 9: sum over the label where it is missing."""

    def example(params, key, x, c):
        log_q = jax.nn.log_softmax(CLASSIFIER.apply({"params": params["classifier"]}, x))
        bounds, states = jax.vmap(lambda c: bound_given(params, key, x, c))(jnp.arange(K))
        unlabelled = jnp.sum(jnp.exp(log_q) * (bounds - log_q))
        known = jnp.clip(c, 0, K - 1)
        labelled = bounds[known] + log_q[known]
        state = jax.tree.map(lambda leaf: leaf.mean(axis=0), states)
        return -jnp.where(c == MISSING, unlabelled, labelled), state

    losses, state = over_batch(example, MODEL, params, key, batch)
    return losses.mean(), Aux({"loss": losses.mean()}, state)


def test_m2_is_trained_and_keeps_its_state(key):
    params = MODEL.init(key, X[0], C[0])
    step = descend(m2, optax.adam(1e-2))
    state = step.init(key, params)
    losses = []
    for _ in range(20):
        state, metrics = train_epoch(step, state, {"x": X, "c": C}, batch_size=6)
        losses += [np.mean(metrics["loss"])]
    assert losses[-1] < losses[0] - 0.2
    before, after = (p["state"]["batch_stats"]["encoder"] for p in (params, state.params))
    assert jax.tree.structure(before) == jax.tree.structure(after)
    assert all(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True))
    assert np.any(state.params["classifier"]["kernel"] != params["classifier"]["kernel"])


def test_a_missing_label_is_summed_over(key):
    """The unlabelled bound at a one-hot q(c|x) is the labelled one."""
    params = MODEL.init(key, X[0], C[0])
    bias = jnp.array([0.0, 200.0, 0.0])
    params["classifier"] = {"kernel": jnp.zeros((6, K)), "bias": bias}
    losses = [m2(params, key, {"x": X[:1], "c": jnp.array([c])}, 0)[0] for c in (MISSING, 1)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def decay(params):
    return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params["decoder"]))


RAE = vae(
    Network(MLP((8,)), DeltaHead((2,))),
    Network(MLP((8,)), BernoulliHead((6,))),
    standard_gaussian(2),
)
TERMS = [Term("distortion", distortion), Term("norm", lambda d: jnp.sum(d.trace.z**2) / 2, 1e-2)]


def test_a_decay_is_a_penalty(key):
    """RAE-L2: Ghosh et al. 2020, arXiv 1903.12436, eq. 4 to 6."""
    params = RAE.init(key, X[0])
    plain, weight = weighted_sum(RAE, TERMS), optax.linear_schedule(0.0, 1.0, 10)
    both = add(plain, penalty("decay", decay, weight))
    run = jax.jit(jax.value_and_grad(lambda p, step: both(p, key, {"x": X}, step), has_aux=True))
    (loss, aux), gradient = run(params, 3)
    (alone, expected), own = jax.value_and_grad(plain, has_aux=True)(params, key, {"x": X}, 3)
    np.testing.assert_allclose(loss, alone + 0.3 * decay(params), rtol=1e-5)
    assert set(aux.metrics) == {"loss", "distortion", "norm", "decay"}
    np.testing.assert_allclose(aux.metrics["decay"], decay(params), rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["norm"], expected.metrics["norm"], rtol=1e-5)
    by_hand = jax.tree.map(lambda g, p: g + 0.6 * p, own["decoder"], params["decoder"])
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        gradient,
        {**own, "decoder": by_hand},
    )


def test_objectives_that_are_added_have_one_key(key):
    """A bound beside a term of the same draws; and the state of the first that has one."""
    params = {**MODEL.init(key, X[0], C[0])}
    batch = {"x": X, "c": np.abs(C)}
    tight, plain = importance_weighted(MODEL, iwae_bound(), num_draws=1), weighted_sum(MODEL)
    loss, aux = add(penalty("decay", decay, 0.0), tight, plain)(params, key, batch, 0)
    one, other = (o(params, key, batch, 0) for o in (tight, plain))
    np.testing.assert_allclose(loss, one[0] + other[0], rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, aux.state, one[1].state)
    with pytest.raises(ValueError, match=r"that are added report \['distortion', 'rate'\]"):
        add(plain, plain)(params, key, batch, 0)
    with pytest.raises(ValueError, match="add needs at least one objective"):
        add()
    with pytest.raises(ValueError, match="cannot be named 'loss'"):
        penalty("loss", decay)


def test_each_term_has_a_key_of_its_own(key):
    """Each of each draw of each example: independent normals."""
    terms = [Term(name, lambda d: jax.random.normal(d.key) ** 2) for name in ("a", "b")]
    params, data = RAE.init(key, X[0]), {"x": X}
    objective = jax.jit(
        jax.vmap(lambda k: weighted_sum(RAE, terms, num_samples=2)(params, k, data, 0)[1].metrics)
    )
    metrics = objective(jax.random.split(key, 2000))
    for values in (metrics["a"], metrics["b"]):
        assert abs(z_score(values, 1.0)) < 4.5
        assert abs(z_score((np.asarray(values) - 1) ** 2, 2 / 24)) < 4.5  # of 24
    assert abs(np.corrcoef(metrics["a"], metrics["b"])[0, 1]) < 4.5 / np.sqrt(2000)


def test_a_term_sees_the_step_the_condition_and_the_parameters(key):
    seen = [
        Term("step", lambda d: 1.0 * d.step),
        Term("condition", lambda d: 1.0 * d.c),
        Term("bias", lambda d: d.params["classifier"]["bias"][1]),
    ]
    params = MODEL.init(key, X[0], C[0])
    params["classifier"]["bias"] = jnp.array([0.0, 7.0, 0.0])
    batch = {"x": X[:2], "c": np.array([1, 2])}
    _, aux = weighted_sum(MODEL, seen)(params, key, batch, jnp.array(5))
    found = {name: float(aux.metrics[name]) for name in ("step", "condition", "bias")}
    assert found == {"step": 5.0, "condition": 1.5, "bias": 7.0}
