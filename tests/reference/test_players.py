"""Adversarial objectives as steps of players: FactorVAE, and the adversarial autoencoder."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from factor_vae import CORRELATED, DISCRIMINATED, factor_step, first_critic, logit, permuted

from vae_jax import (
    Aux,
    Player,
    Term,
    alternate,
    distortion,
    evaluate,
    over_batch,
    standard_gaussian,
    train_epoch,
    vae,
    weighted_sum,
)
from vae_jax.models import trace
from vae_jax.networks import MLP, BernoulliHead, DeltaHead, GaussianHead, Network

X = (np.random.default_rng(0).random((16, 6)) < 0.4).astype(np.float32)
DECODER = Network(MLP((8,)), BernoulliHead((6,)))


FACTOR = vae(
    Network(MLP((8,)), GaussianHead((3,))),
    DECODER,
    standard_gaussian(3),
    groups={"critic": first_critic},
)
OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2))


def test_two_players_descend_and_are_reported(key):
    step, params = factor_step(FACTOR, OPTIMIZER), FACTOR.init(key, X[0])
    state, metrics = train_epoch(step, step.init(key, params), {"x": X}, batch_size=8)
    assert {"vae/total_correlation", "critic/d", "critic/loss"} <= set(metrics)
    assert all(np.all(np.isfinite(values)) for values in metrics.values())
    for group in ("encoder", "decoder", "critic"):
        changed = jax.tree.map(lambda a, b: np.any(a != b), state.params[group], params[group])
        assert all(jax.tree.leaves(changed))


def test_the_encoder_is_untouched_by_the_critics_gradient(key):
    params = FACTOR.init(key, X[0])
    critics = weighted_sum(FACTOR, DISCRIMINATED)
    gradient = jax.grad(lambda p: critics(p, key, {"x": X}, 0)[0])(params)
    assert not any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient["encoder"]))
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient["critic"]))
    vaes = weighted_sum(FACTOR, CORRELATED)
    gradient = jax.grad(lambda p: vaes(p, key, {"x": X}, 0)[0])(params)
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(gradient["encoder"]))


def test_the_dimensions_are_permuted_each_by_itself(key):
    """Columns of the batch, shuffled: the same numbers, in orders that differ."""
    z = jnp.arange(24.0).reshape(8, 3)
    keys = jax.random.split(key, 8)
    mixed = np.asarray(jax.vmap(permuted, axis_name="batch")(z, keys))
    np.testing.assert_array_equal(np.sort(mixed, axis=0), z)
    orders = [tuple((column - d) / 3) for d, column in enumerate(mixed.T)]
    assert len(set(orders)) == 3


def test_a_held_out_total_correlation(key):
    params = FACTOR.init(key, X[0])
    held_out = evaluate.terms(FACTOR, params, key, {"x": X}, CORRELATED, batch_size=8)
    assert {name: values.shape for name, values in held_out.items()} == dict.fromkeys(
        ("distortion", "rate", "total_correlation"), (16,)
    )
    again = evaluate.terms(FACTOR, params, key, {"x": X}, CORRELATED, batch_size=5)
    assert len(again["rate"]) == 15  # the last is left out, and the others are what they were
    np.testing.assert_allclose(again["rate"], held_out["rate"][:15], rtol=1e-5)
    message = "16 examples do not fill a batch of 17: pass batch_size=16"
    with pytest.raises(ValueError, match=message):
        evaluate.terms(FACTOR, params, key, {"x": X}, CORRELATED, batch_size=17)


# the adversarial autoencoder: Makhzani et al. 2015, arXiv 1511.05644, section 2

AAE = vae(
    Network(MLP((8,)), DeltaHead((3,))),
    DECODER,
    standard_gaussian(3),
    groups={"critic": first_critic},
)


def against_the_prior(params, key, batch, step):
    """The critic's loss, written by hand: of z ~ q against z ~ p."""

    def example(params, key, x, c):
        draw_key, prior_key = jax.random.split(key)
        t = trace(AAE, params, draw_key, x, c)
        real = logit(params, t.p.sample(prior_key))
        loss = jax.nn.softplus(-real) + jax.nn.softplus(logit(params, t.z))
        return loss, t.state

    losses, state = over_batch(example, AAE, params, key, batch)
    return losses.mean(), Aux({"loss": losses.mean()}, state)


def deceit(d):
    return jax.nn.softplus(-logit(d.params, d.trace.z))


def aae_players():
    reconstruct = weighted_sum(AAE, [Term("distortion", distortion)])
    deceive = weighted_sum(AAE, [Term("deceit", deceit)])
    return (
        Player("reconstruct", reconstruct, ("encoder", "decoder"), OPTIMIZER),
        Player("critic", against_the_prior, ("critic",), OPTIMIZER),
        Player("deceive", deceive, ("encoder",), OPTIMIZER),
    )


def test_a_group_has_two_owners_when_it_is_said_aloud(key):
    with pytest.raises(ValueError, match=r"\['encoder'\] have several.*shared=\('encoder',\)"):
        alternate(*aae_players())
    step, params = alternate(*aae_players(), shared=("encoder",)), AAE.init(key, X[0])
    state = step.init(key, params)
    assert set(state.opt_state) == {"reconstruct", "critic", "deceive"}
    state, metrics = train_epoch(step, state, {"x": X}, batch_size=8)
    assert {"reconstruct/distortion", "critic/loss", "deceive/deceit"} <= set(metrics)
    for name in ("reconstruct", "deceive"):  # a state of its own for each, of two steps
        assert state.opt_state[name][1][0].count == 2
