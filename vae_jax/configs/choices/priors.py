"""Priors."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from vae_jax import networks
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.spaces import CURVATURES
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.distributions import (
    Distribution,
    UniformSphere,
    WrappedNormal,
    standard_gaussian,
    uniform_one_hot,
)
from vae_jax.distributions.wrapped_normal import most_of_scale_one
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, with_exemplar_prior, with_vamp_prior
from vae_jax.networks import (
    AutoregressiveHead,
    CausalTransformer,
    FlowPrior,
    GaussianHead,
    HeadPrior,
    LearnedMixture,
)
from vae_jax.objectives import rate, sampled_rate
from vae_jax.types import Array

PSEUDO_STARTS = {"data": True, "noise": False}


class Prior(NamedTuple):
    """A prior.

    Fields:
      prior: of the latents.
      rate: of a posterior under it.
      space: of its events, which a posterior's are in too.
      inputs: of the mixture of posteriors that takes its place, how many; 0 for none.
      of_inputs: (model, first inputs, encode=) -> the model with that mixture.
      at_examples: whether these begin at training examples, and not at noise; None for wherever
        there are images.
      at_means: whether it is around the means of these, and the inputs have to be examples.
    """

    prior: Distribution | nn.Module
    rate: Rate = sampled_rate
    space: str = "numbers"
    inputs: int = 0
    of_inputs: Callable[..., VAE] = with_vamp_prior
    at_examples: bool | None = None
    at_means: bool = False

    @property
    def is_learned(self) -> bool:
        """Whether it has parameters."""
        return self.inputs > 0 or not isinstance(self.prior, Distribution)


def standard(latents: int) -> Prior:
    """N(0, I)."""
    return Prior(standard_gaussian(latents), rate)


def mixture(latents: int, *, components: int = 10) -> Prior:
    """A mixture of diagonal Gaussians, learned; its rate is sampled."""
    check_count("components", components)
    return Prior(LearnedMixture(components, latents))


def vamp(latents: int, *, pseudo_inputs: int = 500, pseudo_start: str | None = None) -> Prior:
    """The mixture of the posteriors of inputs that are learned (Tomczak, Welling 2017)."""
    check_count("pseudo_inputs", pseudo_inputs)
    at = None if pseudo_start is None else one_of("pseudo_start", PSEUDO_STARTS, pseudo_start)
    return Prior(standard_gaussian(latents), inputs=pseudo_inputs, at_examples=at)


def exemplars(latents: int, *, num_exemplars: int = 500, nearest: int | None = None) -> Prior:
    """Gaussians around the posterior means of training examples (Norouzi et al. 2020)."""
    check_count("num_exemplars", num_exemplars)
    if nearest is not None and not 1 <= nearest <= num_exemplars:
        raise ValueError(f"nearest={nearest} is not in 1 .. num_exemplars={num_exemplars}.")
    own = partial(with_exemplar_prior, nearest=nearest)
    return Prior(standard_gaussian(latents), inputs=num_exemplars, of_inputs=own, at_means=True)


def real_nvp(latents: int, *, prior_layers: int = 6, prior_width: int = 64) -> Prior:
    """N(0, I) through affine couplings (Dinh et al. 2017)."""
    return _flow(latents, networks.real_nvp, prior_layers, prior_width)


def maf(latents: int, *, prior_layers: int = 4, prior_width: int = 64) -> Prior:
    """N(0, I) through masked autoregressive flows (Papamakarios et al. 2017)."""
    return _flow(latents, networks.maf, prior_layers, prior_width)


def spline(latents: int, *, prior_layers: int = 4, prior_width: int = 64) -> Prior:
    """N(0, I) through couplings by splines (Durkan et al. 2019)."""
    return _flow(latents, networks.neural_spline, prior_layers, prior_width)


def autoregressive(latents: int, *, prior_layers: int = 2, prior_width: int = 64) -> Prior:
    """Each latent given those before it, a Gaussian, by a causal Transformer."""
    check_count("prior_layers", prior_layers)
    check_count("prior_width", prior_width)
    network = CausalTransformer(latents, prior_width, prior_layers, 1)
    return Prior(HeadPrior(AutoregressiveHead(network, GaussianHead((latents,)), _column)))


def classes(latents: int, *, latent_classes: int = 10) -> Prior:
    """All classes alike."""
    check_count("latent_classes", latent_classes)
    return Prior(uniform_one_hot(latents, latent_classes), rate, "classes")


def sphere(latents: int) -> Prior:
    """Uniform on the unit sphere of so many dimensions."""
    return Prior(UniformSphere(latents), rate, "a sphere")


def hyperbolic(latents: int, *, curvature: float = 1.0) -> Prior:
    """A Gaussian of scale 1 wrapped around hyperbolic space; the rate is sampled."""
    check_within("curvature", curvature, *CURVATURES)
    most = most_of_scale_one(curvature)
    if latents > most:
        raise ValueError(
            f"prior='hyperbolic' is of scale 1, which in latents={latents} dimensions comes to the"
            f" rim of the ball of curvature={curvature}, where float32 ends: choose"
            f" {f'latents={most} at most, or ' if most else ''}a lower curvature."
        )
    own = WrappedNormal(jnp.zeros(latents), jnp.zeros(latents), curvature)
    return Prior(own, space="a Poincare ball")


PRIORS: Rows = {
    "standard": standard,
    "mixture": mixture,
    "vamp": vamp,
    "exemplars": exemplars,
    "real_nvp": real_nvp,
    "maf": maf,
    "spline": spline,
    "autoregressive": autoregressive,
    "classes": classes,
    "sphere": sphere,
    "hyperbolic": hyperbolic,
}
_ELSEWHERE = {"classes": ("classes",), "a sphere": ("sphere",), "a Poincare ball": ("hyperbolic",)}
_OTHERS = [name for names in _ELSEWHERE.values() for name in names]
PRIORS_OF = {"numbers": tuple(name for name in PRIORS if name not in _OTHERS), **_ELSEWHERE}


def _flow(latents: int, recipe: Callable[..., nn.Module], layers: int, width: int) -> Prior:
    check_count("prior_layers", layers)
    check_count("prior_width", width)
    if latents == 1 and recipe is not networks.maf:
        raise ValueError(
            "A coupling has latents that stay and others that move: choose latents=2 at least, or"
            " prior='maf'."
        )
    return Prior(FlowPrior(latents, recipe(latents, layers, (width,))))


def _column(z: Array) -> Array:
    """A sequence of one channel."""
    return z[:, None]
