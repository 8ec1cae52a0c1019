"""A prior of codes, fitted when they have been learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from vae_jax import Delta, Gaussian, evaluate, generate, sampled_rate, standard_gaussian
from vae_jax.distributions import Coded
from vae_jax.models import VAE, with_code_prior, with_codebook, with_residual_codes
from vae_jax.networks import (
    AutoregressiveHead,
    CategoricalHead,
    CodeTransformer,
    GatedPixelCNN,
    centred,
)
from vae_jax.train import fit_code_prior

K, D = 4, 2
KINDS = 3 * np.random.default_rng(0).normal(size=(3, 2, 2, D)).astype(np.float32)
X = KINDS[np.arange(60) % 3]  # of 4^4 grids of codes three, at most
PLAIN = VAE(
    lambda key, x, c=None: {"decoder": {"w": jnp.eye(D)}},
    lambda params, x, c=None, key=None: Delta(x),
    lambda params, z, c=None, key=None: Gaussian(z @ params["decoder"]["w"], jnp.zeros(())),
    lambda params, c=None, key=None: standard_gaussian(2, 2, D),
)
MODEL = with_codebook(PLAIN, K)


class Unconditional(nn.Module):
    """A head of no features."""

    head: AutoregressiveHead

    def __call__(self, c=None):
        return self.head(jnp.zeros(1))


@pytest.fixture(scope="module")
def fitted():
    params = MODEL.init(jax.random.key(0), X[0])
    how = {"key": jax.random.key(1), "epochs": 40, "batch_size": 30, "learning_rate": 1e-2}
    prior = CodeTransformer(4, K, width=8, layers=1, heads=2)
    return params, fit_code_prior(MODEL, params, {"x": X}, prior=prior, **how)


def test_the_rate_falls_to_the_entropy_of_the_codes(fitted, key):
    """log 3 of three kinds, from 4 log 4; and nothing else of the model changes."""
    params, found = fitted
    np.testing.assert_allclose(found.uniform, 4 * np.log(K), rtol=1e-6)
    kinds = len(np.unique(evaluate.code_indices(MODEL, params, {"x": X}).reshape(60, -1), axis=0))
    assert np.log(kinds) - 1e-3 < found.nats[-1] < np.log(kinds) + 0.2
    before = evaluate.elbos(MODEL, params, key, {"x": X})
    after = evaluate.elbos(found.model, found.params, key, {"x": X}, rate=sampled_rate)
    np.testing.assert_allclose(before.distortion, after.distortion, rtol=1e-6)
    np.testing.assert_allclose(before.rate, found.uniform, rtol=1e-6)
    np.testing.assert_allclose(after.rate.mean(), found.nats[-1], atol=0.1)
    for name, group in params.items():
        jax.tree.map(np.testing.assert_array_equal, group, found.params[name])


def test_what_is_drawn_are_the_codes_of_the_data(fitted, key):
    params, found = fitted
    prior = found.model.prior(found.params)
    assert isinstance(prior, Coded)
    z = jax.jit(jax.vmap(prior.sample))(jax.random.split(key, 200))
    density = jax.jit(jax.vmap(lambda z: (prior.log_prob(z), prior.in_support(z))))
    log_p, inside = density(jnp.concatenate([z, z[:1] + 1]))
    assert inside[:-1].all()
    assert not inside[-1]
    assert log_p[-1] == -np.inf
    codes = jax.vmap(lambda x: MODEL.encode(params, x).mean())(jnp.array(X))
    known = np.unique(np.asarray(codes).reshape(60, -1), axis=0)
    is_known = (np.abs(z.reshape(200, 1, -1) - known[None]) < 1e-5).all(-1).any(1)
    least = np.exp(np.log(len(known)) - found.nats[-1])  # log of a mean is no less than the mean
    assert is_known.mean() > least - 4.5 * np.sqrt(least * (1 - least) / 200)
    assert generate.sample(found.model, found.params, key, 3).shape == (3, 2, 2, D)


def test_any_network_of_the_indices_will_do_and_stages_are_parts(key):
    """A PixelCNN whose values of one pixel are the stages: its masses sum to one."""
    model = with_residual_codes(PLAIN, 2, 2)
    reading = centred(0.5, 0.5)
    pixels = AutoregressiveHead(GatedPixelCNN(2, 1, 3), CategoricalHead((2, 2, 2), 2), reading)
    changed = with_code_prior(model, Unconditional(pixels))
    params = changed.init(key, X[0])
    prior = changed.prior(params)
    index = np.stack(np.meshgrid(*[[0, 1]] * 8, indexing="ij"), -1).reshape(-1, 2, 2, 2)
    events = jax.vmap(prior.codes.vectors)(index)
    log_p = jax.jit(jax.vmap(prior.log_prob))(events)
    np.testing.assert_allclose(np.exp(log_p).sum(), 1, rtol=1e-5)
    assert np.ptp(log_p) > 1e-3


def test_a_prior_of_codes_is_of_a_model_of_codes(key):
    with pytest.raises(TypeError, match=r"is for a model of codes.*got a\s+Gaussian"):
        with_code_prior(PLAIN, CodeTransformer(4, K)).init(key, X[0])
    with pytest.raises(TypeError, match="numbers of codes, and q is a Delta"):
        fit_code_prior(PLAIN, PLAIN.init(key, X[0]), {"x": X}, key=key)
