"""Each flow with a density learns two moons: the log-likelihood of draws it has not seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score

from experiments.benchmarks.moons import log_density, moons
from vae_jax.networks import maf, neural_spline, real_nvp
from vae_jax.samplers import fit_flow

RECIPES = {
    "maf": maf(2, 4, (32,)),
    "real_nvp": real_nvp(2, 6, (64,)),
    "neural_spline": neural_spline(2, 2, (32,)),
}


@pytest.mark.parametrize("name", RECIPES)
def test_two_moons_are_learned(name, key):
    """It has most of what one Gaussian lacks, and no more than the moons' own density."""
    train, test = moons(3000, 0), moons(1000, 1)
    how = {"epochs": 50, "batch_size": 50, "learning_rate": 5e-3}
    fitted = fit_flow(key, train, RECIPES[name], **how)
    found = np.asarray(jax.jit(jax.vmap(fitted.distribution.log_prob))(jnp.asarray(test)))
    truth, cov, apart = log_density(test), np.cov(train.T), test - train.mean(0)
    one = -0.5 * np.einsum("nd,de,ne->n", apart, np.linalg.inv(cov), apart)
    one -= np.linalg.slogdet(2 * np.pi * cov)[1] / 2
    assert z_score(found - truth) < 4.5
    assert (found - one).mean() > 0.6 * (truth - one).mean()
