"""What every model must do, in one battery: a new kind of model is one row of `models.EVERY`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from models import EVERY, SIZE, C, N, X

from vae_jax import descend, evaluate, fit, generate, sampled_rate, weighted_sum
from vae_jax.models import learned, log_posterior, log_prior, trace, trace_parts

every = pytest.mark.parametrize("name", EVERY)
KEY = jax.random.key(0)


def data(row):
    return {"x": X, "c": C} if row.conditional else {"x": X}


def one(row):
    return (X[0], C[0]) if row.conditional else (X[0], None)


@functools.cache
def step_of(name):
    return descend(weighted_sum(EVERY[name].model, EVERY[name].terms), optax.adam(1e-2))


def trained(name, epochs, **options):
    row = EVERY[name]
    return fit(
        row.model,
        step_of(name),
        data(row),
        key=KEY,
        epochs=epochs,
        batch_size=N // 2,
        held_out=data(row),
        rate=row.rate,
        evaluate_every=30,
        **options,
    )


@functools.cache
def fitted(name):
    return trained(name, 60)


def params_of(name):
    return fitted(name).params


@every
def test_its_loss_falls_and_its_parameters_stay_float32(name):
    rows = [row["loss"] for row in fitted(name).rows if row["data"] == "train"]
    assert np.mean(rows[-10:]) < np.mean(rows[:10])
    first = jax.eval_shape(EVERY[name].model.init, KEY, *one(EVERY[name]))
    forms = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), (first, params_of(name)))
    assert forms[0] == forms[1]
    assert {leaf.dtype for leaf in jax.tree.leaves(learned(first))} == {jnp.dtype("float32")}


@every
def test_its_trace_is_its_parts(name):
    row, params = EVERY[name], params_of(name)
    x, c = one(row)
    t = jax.jit(lambda params: trace(row.model, params, KEY, x, c))(params)
    q, p = row.model.encode(params, x, c), row.model.prior(params, c)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    z, log_q = q.sample_and_log_prob(KEY)  # to the last digit, which a point's density asks for
    jax.tree.map(close, t.z, z)
    close(log_posterior(t), log_q)
    close(log_prior(t), p.log_prob(t.z))
    likelihood = row.model.decode(params, t.z, c)
    close(t.likelihood.log_prob(x), likelihood.log_prob(x))
    if not row.any_z:
        with pytest.raises(TypeError, match="a draw z that is given"):
            trace(row.model, params, KEY, x, c, t.z)
        return
    close(log_posterior(t), q.log_prob(z))
    parts = trace_parts(row.model, params, KEY, x, c, z)  # at a given z
    given = trace(row.model, params, KEY, x, c, z)
    assert jax.tree.structure(parts) == jax.tree.structure(given)
    jax.tree.map(close, given, parts)


@every
def test_a_replaced_prior_changes_the_bound(name):
    row, params = EVERY[name], params_of(name)
    own, other = (  # sampled: the other prior may have no closed form with the posterior
        evaluate.elbos(model, params, KEY, data(row), rate=sampled_rate)
        for model in (row.model, row.other)
    )
    np.testing.assert_allclose(own.distortion, other.distortion, rtol=1e-5)
    assert np.all(other.rate > own.rate + 1)  # 2 log 2 = 1.4, of two codes, is the least


@every
def test_it_is_resumed_to_the_same_bits(name, tmp_path):
    trained(name, 1, folder=tmp_path)
    resumed = trained(name, 2, folder=tmp_path, resume=True)
    whole = trained(name, 2)
    jax.tree.map(np.testing.assert_array_equal, resumed.params, whole.params)
    jax.tree.map(np.testing.assert_array_equal, resumed.state.opt_state, whole.state.opt_state)


@every
def test_it_is_sampled_reconstructed_and_scored(name):
    row, params = EVERY[name], params_of(name)
    drawn = generate.sample(row.model, params, KEY, 4, C[:4] if row.conditional else None)
    made = generate.reconstruct(row.model, params, KEY, X[:4], C[:4] if row.conditional else None)
    assert drawn.shape == made.shape == (4, SIZE)
    how = {"rate": row.rate or sampled_rate, "num_samples": 4}
    bound = evaluate.elbos(row.model, params, KEY, data(row), **how)
    log_p = evaluate.log_likelihoods(row.model, params, KEY, data(row), num_samples=4)
    # of four draws; a posterior that is one point has the bound for its log-likelihood
    assert np.all(np.isfinite(log_p.value))
    assert np.mean(log_p.value) > np.mean(bound.value) - 0.3


@every
def test_one_of_its_latents_is_moved_whichever_prior_it_has(name):
    """And where a path begins, both ways of moving are at the example's z."""
    row, params, (_, c) = EVERY[name], params_of(name), one(EVERY[name])
    z = evaluate.embeddings(row.model, params, KEY, jax.tree.map(lambda leaf: leaf[:2], data(row)))
    latent = min(z) if isinstance(z, dict) else None
    start, end = z if latent is None else z[latent]
    how = {"latent": latent, "key": KEY}
    for model in (row.model, row.other):
        along = generate.interpolate(model, params, start, end, 3, c, **how)
        moved = generate.traverse(model, params, start, 0, [start.ravel()[0], 9.0], c, **how)
        assert along.shape == (3, SIZE)
        np.testing.assert_allclose(moved[0], along[0], rtol=1e-5)
        assert np.any(np.abs(moved[1] - moved[0]) > 1e-3)
        with pytest.raises(ValueError, match="z is of the shape"):
            generate.traverse(model, params, np.append(start, start), 0, [0.0], c, **how)
