"""Which codes a data set is encoded by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Delta, Gaussian, Term, evaluate, standard_gaussian
from vae_jax.models import VAE, with_residual_codes
from vae_jax.objectives import perplexity, usage

N, K, D = 7, 5, 2
X = np.random.default_rng(0).normal(size=(N, 3, D)).astype(np.float32)
PLAIN = VAE(
    lambda key, x, c=None: {"decoder": {"w": jnp.eye(D)}},
    lambda params, x, c=None, key=None: Delta(x),
    lambda params, z, c=None, key=None: Gaussian(z @ params["decoder"]["w"], jnp.zeros(())),
    lambda params, c=None, key=None: standard_gaussian(3, D),
)
MODEL = with_residual_codes(PLAIN, K, 2)


def test_usage_is_of_all_examples_and_that_of_a_term_of_its_batch(key):
    params = MODEL.init(key, X[0])
    index = np.asarray(jax.vmap(lambda x: MODEL.encode(params, x).index())(X))
    use = evaluate.code_use(MODEL, params, {"x": X}, batch_size=3)  # of which the last is not full
    np.testing.assert_array_equal(evaluate.code_indices(MODEL, params, {"x": X}), index)
    counts = np.array([[np.sum(index[..., p] == k) for k in range(K)] for p in range(2)])
    np.testing.assert_array_equal(use.counts, counts)
    share = np.maximum(counts / (3 * N), 1e-300)
    entropy = -(share * np.log(share)).sum(1)
    np.testing.assert_allclose(use.perplexity, np.exp(entropy.mean()), rtol=1e-6)
    np.testing.assert_allclose(use.usage, (counts > 0).mean(), rtol=1e-6)
    terms = [Term("perplexity", perplexity), Term("usage", usage)]
    whole = evaluate.terms(MODEL, params, key, {"x": X}, terms, batch_size=N)
    np.testing.assert_allclose(whole["perplexity"], use.perplexity, rtol=1e-5)
    np.testing.assert_allclose(whole["usage"], use.usage, rtol=1e-6)


def test_a_model_without_codes_has_none(key):
    with pytest.raises(TypeError, match="numbers of codes, and q is a Delta: make a model with co"):
        evaluate.code_use(PLAIN, PLAIN.init(key, X[0]), {"x": X})
