"""Groups of parameters with objectives of their own."""

import jax
import jax.numpy as jnp
import linear_gaussian as lg
import numpy as np
import optax
import pytest

from vae_jax import descend
from vae_jax.bounds import iwae_bound, miwae_bound
from vae_jax.objectives import (
    Aux,
    Term,
    distortion,
    importance_weighted,
    per_group,
    rate,
    weighted_sum,
)

MODEL = lg.RECORD
PARAMS = lg.params(shift=0.4, width=1.2)  # q off the posterior
BATCH = {"x": jnp.asarray(lg.X, jnp.float32)}
TIGHT = importance_weighted(MODEL, iwae_bound(), num_draws=6)
LOOSE = importance_weighted(MODEL, miwae_bound(3), num_draws=6)
PIWAE = per_group({"encoder": LOOSE, "decoder": TIGHT, "prior": TIGHT})


def loss_and_gradient(objective, key, params=PARAMS):
    return jax.jit(jax.value_and_grad(objective, has_aux=True))(params, key, BATCH, 0)


def differ(one, other):
    return any(
        np.any(np.abs(a - b) > 1e-3)
        for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True)
    )


def test_each_groups_gradient_is_that_of_its_objective(key):
    """PIWAE: the encoder follows MIWAE, decoder and prior follow IWAE, of the same draws."""
    (_, tight), (_, loose) = (loss_and_gradient(o, key) for o in (TIGHT, LOOSE))
    _, found = loss_and_gradient(PIWAE, key)
    expected = {"encoder": loose["encoder"], "decoder": tight["decoder"], "prior": tight["prior"]}
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert all(differ(tight[group], loose[group]) for group in PARAMS)


def test_the_loss_is_the_sum_and_each_bound_is_reported(key):
    ((tight, aux), _), ((loose, _), _) = (loss_and_gradient(o, key) for o in (TIGHT, LOOSE))
    (loss, found), _ = loss_and_gradient(PIWAE, key)
    np.testing.assert_allclose(loss, 2 * tight + loose, rtol=1e-6)
    names = [f"{group}/{name}" for group in PARAMS for name in ("bound", "loss")]
    assert sorted(found.metrics) == sorted(["loss", *names])
    np.testing.assert_array_equal(found.metrics["loss"], loss)
    np.testing.assert_array_equal(found.metrics["encoder/bound"], -loose)
    np.testing.assert_array_equal(found.metrics["decoder/bound"], aux.metrics["bound"])


def test_one_objective_for_all_groups_is_that_objective(key):
    warm = weighted_sum(MODEL, [Term("distortion", distortion), Term("rate", rate, lambda t: t)])
    all_groups = per_group(dict.fromkeys(PARAMS, warm))
    at_step = lambda objective: jax.grad(lambda p: objective(p, key, BATCH, 0.3)[0])(PARAMS)  # noqa: E731
    close = lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)  # noqa: E731
    jax.tree.map(close, at_step(all_groups), at_step(warm))


def test_the_state_is_carried_and_follows_nothing(key):
    """An integer count, which has no gradient, and which one objective of the two brings."""

    def counting(params, key, batch, step):
        loss, aux = TIGHT(params, key, batch, step)
        return loss, Aux(aux.metrics, {"count": params["state"]["count"] + 1})

    objective = per_group({"encoder": LOOSE, "decoder": counting, "prior": TIGHT})
    step = descend(objective, optax.sgd(1e-3))
    state = step.init(key, {**PARAMS, "state": {"count": jnp.zeros((), jnp.int32)}})
    for _ in range(2):
        state, metrics = jax.jit(step.update)(state, BATCH)
    assert state.params["state"]["count"] == 2
    assert all(np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (("encoder", "decoder"), r"it lacks \['prior'\], and has \[\], which"),
        (("encoder", "decoder", "prior", "flow"), r"it lacks \[\], and has \['flow'\], which"),
        (("encoder", "decoder", "prior", "state"), r"it lacks \[\], and has \['state'\], which"),
    ],
)
def test_missing_and_unknown_groups_are_refused(groups, message, key):
    objective = per_group(dict.fromkeys(groups, TIGHT))
    params = {**PARAMS, "state": {}}
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(objective, params, key, BATCH, 0)
    with pytest.raises(ValueError, match="an objective for each group of parameters; got none"):
        per_group({})


def test_the_groups_share_what_they_have_in_common(key):
    """The draws and log-weights of both objectives are one computation once compiled."""

    def operations(objective):
        step = jax.jit(jax.grad(lambda params: objective(params, key, BATCH, 0)[0]))
        return step.lower(PARAMS).compile().cost_analysis()["flops"]

    alone, both = operations(TIGHT), operations(PIWAE)
    assert both < 1.5 * alone
