"""What an example sees of its batch: nothing, unless the model asks for it; and the state."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vae_jax import VAE, Gaussian, WithState, descend, standard_gaussian
from vae_jax.bounds import iwae_bound
from vae_jax.models import trace_parts
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


def prior(params, c=None, key=None):
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
    signed = Term("signed", lambda d: d.x[0] * d.trace.z[0])
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
    norm = Term("norm", lambda d: (d.trace.z**2).sum())
    by_hand = weighted_sum(MODEL, [norm])
    one, _ = weighted_sum(model, [norm])(PARAMS, key, {"x": x}, 0)
    other, _ = by_hand(PARAMS, key, {"x": x - x.mean(0, keepdims=True)}, 0)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert not np.isclose(one, by_hand(PARAMS, key, {"x": x}, 0)[0])
    pooled = importance_weighted(model, iwae_bound(), num_draws=2, score_free=True)
    message = "score_free is for networks that see one example.*Leave score_free out"
    with pytest.raises(ValueError, match=message):
        pooled(PARAMS, key, {"x": x}, 0)


def updated(entry, x):
    return {"mean": 0.9 * entry["mean"] + 0.1 * x, "count": entry["count"] + 1}


def centred(params, x, c=None, key=None):
    return encode(params, x - params["state"]["average"]["mean"])


def by_a_part():
    """The state as a part leaves it, for its one example: what is carried is the mean."""

    def moving(params, x, c=None, key=None):
        q = centred(params, x)
        if key is None:
            return q
        return WithState(q, {"average": updated(params["state"]["average"], x)})

    return MODEL._replace(encode=moving)


def by_trace():
    """The state as an auxiliary output of a pass of its own."""

    def run(model, params, key, x, c=None, z=None, noise=None):
        t = trace_parts(model, params, key, x, c, z, noise)
        return t._replace(state={"average": updated(params["state"]["average"], x)})

    return MODEL._replace(encode=centred, trace=run)


def by_update():
    """The state from a look at the batch of its own."""

    def update_state(params, key, batch):
        return {"average": updated(params["state"]["average"], batch["x"].mean(0))}

    return MODEL._replace(encode=centred, update_state=update_state)


AVERAGE = {"mean": jnp.array([1.0, -1.0]), "count": jnp.array(0)}
WITH_STATE = {**PARAMS, "state": {"average": AVERAGE, "pretrained": {"kernel": jnp.ones(3)}}}


@pytest.mark.parametrize("make", [by_a_part, by_trace, by_update])
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
    expected = AVERAGE
    for steps in (1, 2):
        state, metrics = update(state, {"x": x})
        expected = updated(expected, x.mean(0))
        carried = state.params["state"]["average"]
        np.testing.assert_allclose(carried["mean"], expected["mean"], rtol=1e-6)
        assert carried["count"] == steps
        assert carried["count"].dtype == jnp.int32
        assert np.isfinite(metrics["loss"])
    np.testing.assert_array_equal(state.params["state"]["pretrained"]["kernel"], 1)  # as it was
    for group in PARAMS:
        assert np.all(state.params[group]["kernel"] != PARAMS[group]["kernel"])


def test_the_state_moves_the_loss(key):
    """What is carried is what the model reads: another mean, another loss."""
    objective = weighted_sum(by_a_part(), [Term("distortion", distortion)])
    zero = {"average": {**AVERAGE, "mean": jnp.zeros(2)}}
    losses = [
        objective(params, key, {"x": A[None]}, 0)[0]
        for params in (WITH_STATE, {**WITH_STATE, "state": zero})
    ]
    assert not np.isclose(*losses)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"average": AVERAGE}, r"\['average'\] come from the pass and from update_state"),
        ({"codebook": jnp.zeros(2)}, r"entry 'codebook', and params\['state'\] has \['average'"),
        (
            {"pretrained": {"kernel": jnp.ones(4)}},
            r"32\[3\]'} and came back as .*32\[4\]",
        ),
        ({"pretrained": {}}, "keeps its structure, shapes and types"),
    ],
    ids=["two sources", "unknown", "shape", "structure"],
)
def test_entries_that_cannot_be_carried_are_refused(entries, message, key):
    model = by_update()._replace(
        encode=lambda params, x, c=None, key=None: WithState(centred(params, x), entries)
    )
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(weighted_sum(model), WITH_STATE, key, {"x": A[None]}, 0)


def test_two_parts_that_bring_one_entry_are_refused(key):
    def moving(part):
        return lambda params, value, c=None, key=None: WithState(
            part(params, value), {"average": AVERAGE}
        )

    model = MODEL._replace(encode=moving(encode), decode=moving(decode))
    with pytest.raises(ValueError, match=r"Two parts .* bring the state's entry 'average'"):
        jax.eval_shape(weighted_sum(model), WITH_STATE, key, {"x": A[None]}, 0)
