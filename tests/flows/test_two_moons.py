"""Each flow with a density learns two moons: the log-likelihood of draws it has not seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_gaussian import z_score
from sklearn.datasets import make_moons

from vae_jax.networks import maf, neural_spline, real_nvp
from vae_jax.samplers import fit_flow

NOISE = 0.1
RECIPES = {
    "maf": maf(2, 4, (32,)),
    "real_nvp": real_nvp(2, 6, (32,)),
    "neural_spline": neural_spline(2, 2, (32,)),
}


def moons(number, seed):
    return make_moons(number, noise=NOISE, random_state=seed)[0]


def log_density(x):
    """Of the moons themselves: a normal about a point of two half circles, by quadrature."""
    angle = np.linspace(0, np.pi, 400)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.concatenate([upper, [[1.0, 0.5]] - upper])
    squared = ((x[:, None] - points[None]) ** 2).sum(-1)
    log_p = -0.5 * squared / NOISE**2 - np.log(2 * np.pi * NOISE**2)
    return np.logaddexp.reduce(log_p, axis=1) - np.log(len(points))


@pytest.mark.parametrize("name", RECIPES)
def test_two_moons_are_learned(name, key):
    """It has most of what one Gaussian lacks, and no more than the moons' own density."""
    train, test = moons(1000, 0), moons(1000, 1)
    how = {"epochs": 150, "batch_size": 50, "learning_rate": 5e-3}
    fitted = fit_flow(key, train, RECIPES[name], **how)
    found = np.asarray(jax.jit(jax.vmap(fitted.distribution.log_prob))(jnp.asarray(test)))
    truth, cov, apart = log_density(test), np.cov(train.T), test - train.mean(0)
    one = -0.5 * np.einsum("nd,de,ne->n", apart, np.linalg.inv(cov), apart)
    one -= np.linalg.slogdet(2 * np.pi * cov)[1] / 2
    assert z_score(found - truth) < 4.5
    assert (found - one).mean() > 0.6 * (truth - one).mean()
