"""Priors."""

from typing import NamedTuple

from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.configs.choices.table import Rows
from vae_jax.distributions import Distribution, standard_gaussian
from vae_jax.evaluate.scores import Rate
from vae_jax.networks import LearnedMixture
from vae_jax.objectives import rate, sampled_rate


class Prior(NamedTuple):
    """A prior, and the rate of a Gaussian posterior under it."""

    prior: Distribution | nn.Module
    rate: Rate


def standard(latents: int) -> Prior:
    """N(0, I)."""
    return Prior(standard_gaussian(latents), rate)


def mixture(latents: int, *, components: int = 10) -> Prior:
    """A mixture of diagonal Gaussians, learned; its rate is sampled."""
    check_count("components", components)
    return Prior(LearnedMixture(components, latents), sampled_rate)


PRIORS: Rows = {"standard": standard, "mixture": mixture}
