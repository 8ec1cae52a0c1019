"""Which codes a data set is encoded by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import Delta, Gaussian, Term, evaluate, standard_gaussian
from vae_jax.models import VAE, at_depth, with_residual_codes
from vae_jax.objectives import perplexity, usage
from vae_jax.train import fit_code_prior

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


def test_of_fewer_stages_it_is_theirs(key):
    """Of a model cut to a depth, and of one whose last stage is left out."""
    params = MODEL.init(key, X[0])
    whole = evaluate.code_use(MODEL, params, {"x": X})

    def encode(params, x, c=None, key=None):
        q = MODEL.encode(params, x)
        return q.replace(codes=q.codes.replace(used=jnp.array(1)))

    def prior(params, c=None, key=None):
        p = MODEL.prior(params)
        return p.replace(codes=p.codes.replace(used=jnp.array(1)))

    left_out = MODEL._replace(encode=encode, prior=prior)
    for model in (at_depth(MODEL, 1), left_out):
        use = evaluate.code_use(model, params, {"x": X})
        np.testing.assert_array_equal(use.counts[0], whole.counts[0])
        assert not use.counts[1:].any()
        share = whole.counts[0] / whole.counts[0].sum()
        np.testing.assert_allclose(use.usage, (share > 0).mean(), rtol=1e-6)
        share = np.maximum(share, 1e-300)
        np.testing.assert_allclose(use.perplexity, np.exp(-(share * np.log(share)).sum()))
    with pytest.raises(ValueError, match=r"indices below 5, and some.* are 5.*at_depth"):
        fit_code_prior(left_out, params, {"x": X}, key=key)
    fitted = fit_code_prior(at_depth(MODEL, 1), params, {"x": X}, key=key, epochs=1, batch_size=N)
    assert np.isfinite(fitted.nats).all()


def test_a_model_without_codes_has_none(key):
    with pytest.raises(TypeError, match="numbers of codes, and q is a Delta: make a model with co"):
        evaluate.code_use(PLAIN, PLAIN.init(key, X[0]), {"x": X})
