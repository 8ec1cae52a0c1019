"""Priors."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from vae_jax.checks import check_count
from vae_jax.configs.choices.table import Rows
from vae_jax.distributions import (
    Distribution,
    UniformSphere,
    WrappedNormal,
    standard_gaussian,
    uniform_one_hot,
)
from vae_jax.evaluate.scores import Rate
from vae_jax.networks import LearnedMixture
from vae_jax.objectives import rate, sampled_rate


class Prior(NamedTuple):
    """A prior, the rate of a posterior under it, and the space that both are in."""

    prior: Distribution | nn.Module
    rate: Rate
    space: str = "numbers"


def standard(latents: int) -> Prior:
    """N(0, I)."""
    return Prior(standard_gaussian(latents), rate)


def mixture(latents: int, *, components: int = 10) -> Prior:
    """A mixture of diagonal Gaussians, learned; its rate is sampled."""
    check_count("components", components)
    return Prior(LearnedMixture(components, latents), sampled_rate)


def classes(latents: int, *, latent_classes: int = 10) -> Prior:
    """All classes alike."""
    check_count("latent_classes", latent_classes)
    return Prior(uniform_one_hot(latents, latent_classes), rate, "classes")


def sphere(latents: int) -> Prior:
    """Uniform on the unit sphere of so many dimensions."""
    return Prior(UniformSphere(latents), rate, "a sphere")


def hyperbolic(latents: int) -> Prior:
    """A Gaussian of scale 1 wrapped around hyperbolic space; the rate is sampled."""
    return Prior(
        WrappedNormal(jnp.zeros(latents), jnp.zeros(latents)), sampled_rate, "a Poincare ball"
    )


PRIORS: Rows = {
    "standard": standard,
    "mixture": mixture,
    "classes": classes,
    "sphere": sphere,
    "hyperbolic": hyperbolic,
}
