"""Evaluation by exact products of matrices, unless a caller says otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vae_jax import VAE, Gaussian, Term, evaluate, rate, standard_gaussian
from vae_jax.evaluate.products import precisions

DATA = {"x": np.zeros((4, 2), np.float32)}
PARAMS = {"encoder": {}, "decoder": {}}

EVALUATIONS = {
    "elbos": lambda *given: evaluate.elbos(*given),
    "log_likelihoods": lambda *given: evaluate.log_likelihoods(*given, num_samples=2),
    "mutual_information": lambda *given: evaluate.mutual_information(*given),
    "active_units": lambda *given: evaluate.active_units(*given, num_samples=2),
    "terms": lambda *given: evaluate.terms(*given, [Term("rate", rate)], batch_size=2),
}


def recording(seen):
    """A model that says by which products it was traced."""

    def encode(params, x, c=None, key=None):
        seen.append(jax.config.jax_default_matmul_precision)
        return Gaussian(jnp.eye(2) @ x, jnp.zeros(2))

    def decode(params, z, c=None, key=None):
        seen.append(jax.config.jax_default_matmul_precision)
        return Gaussian(z, jnp.zeros(2))

    def prior(params, c=None, key=None):
        return standard_gaussian(2)

    return VAE(lambda key, x, c=None: PARAMS, encode, decode, prior)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_products_are_exact_unless_the_caller_chose_others(name):
    for chosen, expected in ((None, "highest"), ("tensorfloat32", "tensorfloat32")):
        seen = []
        with jax.default_matmul_precision(chosen):
            EVALUATIONS[name](recording(seen), PARAMS, jax.random.key(0), DATA)
            assert precisions()["evaluation"] == expected
        assert set(seen) == {expected}
