"""What an example sees of its batch: nothing, unless the model asks for it; and the state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import VAE, Gaussian, Trace, descend, standard_gaussian
from vae_jax.bounds import iwae_bound
from vae_jax.objectives import Term, distortion, importance_weighted, weighted_sum

PARAMS = {
    "encoder": {"kernel": jnp.array([[0.5, -0.3], [0.2, 0.8]])},
    "decoder": {"kernel": jnp.array([[0.7, 0.1], [-0.4, 0.6]])},
}
A, B, C, D = jnp.array([[1.0, -0.5], [0.3, 2.0], [-1.5, 0.4], [0.2, 0.1]])


def encode(params, x, c=None, key=None):
    return Gaussian(params["encoder"]["kernel"] @ x, jnp.array(-0.5))


def decode(params, z, c=None, key=None):
    return Gaussian(params["decoder"]["kernel"] @ z, jnp.array(-0.2))


def prior(params, c=None):
    return standard_gaussian(2)


MODEL = VAE(lambda key, x, c=None: PARAMS, encode, decode, prior)


@pytest.mark.parametrize(
    "objective",
    [
        weighted_sum(MODEL),
        importance_weighted(MODEL, iwae_bound(), num_draws=3),
        importance_weighted(MODEL, iwae_bound(), num_draws=3, score_free=True),
    ],
    ids=["elbo", "iwae", "score_free"],
)
def test_the_loss_of_an_example_does_not_depend_on_its_batch(objective, key):
    """L(a, b) + L(c, d) = L(a, d) + L(c, b): first and second example contribute by themselves.
    That holds for the gradient too."""
    run = jax.jit(jax.value_and_grad(lambda p, x: objective(p, key, {"x": jnp.stack(x)}, 0)[0]))

    def both(x, y):
        return jax.tree.map(jnp.add, run(PARAMS, x), run(PARAMS, y))

    # sums of four numbers of size 1 to 10
    close = {"rtol": 1e-5, "atol": 1e-5}
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, **close),
        both([A, B], [C, D]),
        both([A, D], [C, B]),
    )


def test_each_example_has_draws_of_its_own(key):
    """x = +1 and -1 times z, in the mean: zero if both had the same z."""
    signed = Term("signed", lambda t, x: x[0] * t.z[0][0])
    no_loc = MODEL._replace(encode=lambda params, x, c=None, key=None: standard_gaussian(2))
    batch = {"x": jnp.array([[1.0, 0.0], [-1.0, 0.0]])}
    loss, _ = weighted_sum(no_loc, [signed])(PARAMS, key, batch, 0)
    assert abs(loss) > 0.01


@pytest.mark.parametrize("num_samples", [1, 3])
def test_a_batch_of_one(num_samples, key):
    objective = weighted_sum(MODEL, num_samples=num_samples)
    gradient, aux = jax.jit(jax.grad(objective, has_aux=True))(PARAMS, key, {"x": A[None]}, 0)
    for leaf in jax.tree.leaves((gradient, aux.metrics)):
        assert np.all(np.isfinite(leaf))


def test_an_encoder_can_ask_for_its_batch(key):
    """Inputs less their batch mean, by pmean: the loss of inputs centred by hand."""

    def centring(params, x, c=None, key=None):
        return encode(params, x - jax.lax.pmean(x, "batch"))

    x, model = jnp.stack([A, B, C]), MODEL._replace(encode=centring)
    norm = Term("norm", lambda t, x: (t.z[0] ** 2).sum())
    by_hand = weighted_sum(MODEL, [norm])
    one, _ = weighted_sum(model, [norm])(PARAMS, key, {"x": x}, 0)
    other, _ = by_hand(PARAMS, key, {"x": x - x.mean(0, keepdims=True)}, 0)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert not np.isclose(one, by_hand(PARAMS, key, {"x": x}, 0)[0])
    plain = importance_weighted(model, iwae_bound(), num_draws=2)
    score_free = importance_weighted(model, iwae_bound(), num_draws=2, score_free=True)
    losses = [jax.jit(f)(PARAMS, key, {"x": x}, 0)[0] for f in (score_free, plain)]
    np.testing.assert_allclose(*losses, rtol=1e-6)


def updated(state, batch_mean):
    return {"mean": 0.9 * state["mean"] + 0.1 * batch_mean, "count": state["count"] + 1}


def with_trace():
    """The state as an auxiliary output of the same pass."""

    def trace(params, key, x, c=None, z=None, noise=None):
        state = params["state"]
        q = encode(params, x - state["mean"])
        z = (q.sample(key),) if z is None else z
        mean = jax.lax.pmean(x, "batch")
        return Trace(z, (q,), (prior(params),), decode(params, z[0]), updated(state, mean))

    return MODEL._replace(trace=trace)


def with_refresh():
    """The state from a look at the batch of its own."""

    def centred(params, x, c=None, key=None):
        return encode(params, x - params["state"]["mean"])

    def refresh(params, key, batch):
        return updated(params["state"], batch["x"].mean(0))

    return MODEL._replace(encode=centred, refresh=refresh)


WITH_STATE = {**PARAMS, "state": {"mean": jnp.array([1.0, -1.0]), "count": jnp.array(0)}}


@pytest.mark.parametrize("make", [with_trace, with_refresh])
@pytest.mark.parametrize("kind", ["weighted_sum", "importance_weighted", "score_free"])
def test_state_is_carried_and_never_descended(make, kind, key):
    """adamw would shrink the mean, and jax.grad refuse the count."""
    model = make()
    objective = {
        "weighted_sum": lambda: weighted_sum(model, num_samples=2),
        "importance_weighted": lambda: importance_weighted(model, iwae_bound(), num_draws=2),
        "score_free": lambda: importance_weighted(
            model, iwae_bound(), num_draws=2, score_free=True
        ),
    }[kind]()
    step = descend(objective, optax.adamw(0.1, weight_decay=0.5))
    state, x = step.init(key, WITH_STATE), jnp.stack([A, B, C])
    assert all(set(moments) == {"encoder", "decoder"} for moments in state.opt_state[0][1:])
    update = jax.jit(step.update)
    expected = WITH_STATE["state"]
    for steps in (1, 2):
        state, metrics = update(state, {"x": x})
        expected = updated(expected, x.mean(0))
        carried = state.params["state"]
        np.testing.assert_allclose(carried["mean"], expected["mean"], rtol=1e-6)
        assert carried["count"] == steps
        assert carried["count"].dtype == jnp.int32
        assert np.isfinite(metrics["loss"])
    for group in PARAMS:
        assert np.all(state.params[group]["kernel"] != PARAMS[group]["kernel"])


def test_the_state_moves_the_loss(key):
    """What is carried is what the model reads: another mean, another loss."""
    objective = weighted_sum(with_trace(), [Term("distortion", distortion)])
    other = {**WITH_STATE, "state": {**WITH_STATE["state"], "mean": jnp.zeros(2)}}
    losses = [objective(params, key, {"x": A[None]}, 0)[0] for params in (WITH_STATE, other)]
    assert not np.isclose(*losses)
