"""Several trainings at once: each ends as it would alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from small import DATA, MODEL, PREPARE, B, N

from vae_jax import Term, descend, distortion, rate, train_epoch, weighted_sum
from vae_jax.train import member, members, seeds_epoch

KEY = jax.random.key(7)
PARAMS = MODEL.init(jax.random.key(1), np.zeros(6, np.float32))
BETAS = jnp.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])


def beta_vae(beta):
    terms = [Term("distortion", distortion), Term("rate", rate, beta)]
    return descend(weighted_sum(MODEL, terms), optax.adam(1e-2))


def epochs(step, state, train=train_epoch, count=2):
    reported = []
    for _ in range(count):
        state, metrics = train(step, state, DATA, batch_size=B, prepare=PREPARE)
        reported.append(metrics)
    return state, reported


def assert_close(one, other):
    """To a hundred float32 roundings."""
    for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_eight_betas_are_eight_solo_runs():
    together, reported = epochs(
        members(beta_vae, BETAS), members(beta_vae, BETAS).init(KEY, PARAMS)
    )
    assert reported[0]["rate"].shape == (N // B, 8)
    assert together.step == 2 * (N // B)
    for index in (0, 3, 7):
        step = beta_vae(float(BETAS[index]))
        alone, own = epochs(step, step.init(KEY, PARAMS))
        assert_close(member(together, index).params, alone.params)
        assert_close(member(together, index).opt_state, alone.opt_state)
        assert_close([m["loss"][:, index] for m in reported], [m["loss"] for m in own])
    rates = reported[-1]["rate"][-1]
    assert rates[0] > rates[3] > rates[7]


def test_seeds_have_orders_of_their_own():
    step, keys = beta_vae(1.0), jax.random.split(KEY, 3)
    params = jax.vmap(MODEL.init, in_axes=(0, None))(keys, np.zeros(6, np.float32))
    together, reported = epochs(step, jax.vmap(step.init)(keys, params), seeds_epoch)
    assert reported[0]["loss"].shape == (3, N // B)
    for index in (0, 2):
        own = jax.tree.map(lambda leaf, i=index: leaf[i], params)
        alone, metrics = epochs(step, step.init(keys[index], own))
        assert_close(member(together, index).params, alone.params)
        assert_close([m["loss"][index] for m in reported], [m["loss"] for m in metrics])
        assert member(together, index).key == keys[index]


def test_several_hyperparameters_and_none():
    values = {"rate": jnp.array([0.0, 1e-2]), "beta": jnp.array([1.0, 1.0])}

    def make(value):
        terms = [Term("distortion", distortion), Term("rate", rate, value["beta"])]
        return descend(weighted_sum(MODEL, terms), optax.sgd(value["rate"]))

    state, _ = epochs(members(make, values), members(make, values).init(KEY, PARAMS), count=1)
    assert_close(member(state, 0).params, PARAMS)
    moved = member(state, 1).params["encoder"]["head"]["loc"]["bias"]
    assert np.all(moved != PARAMS["encoder"]["head"]["loc"]["bias"])
    for wrong in (jnp.zeros(0), jnp.array(1.0), {"a": jnp.zeros(2), "b": jnp.zeros(3)}):
        with pytest.raises(ValueError, match="one leading axis of M >= 1; got the shapes"):
            members(make, wrong)
    with pytest.raises(ValueError, match=r"member 2 was asked for, .* a leading axis of 2"):
        member(state, 2)
