"""Posteriors on a sphere and in hyperbolic space."""

from vae_jax.checks import check_within
from vae_jax.configs.choices.diagonal import gaussian
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.table import one_of
from vae_jax.networks import (
    PowerSphericalHead,
    RiemannianNormalHead,
    VonMisesFisherHead,
    WrappedNormalHead,
)

CURVATURES = (1e-3, 100.0)


def vmf(latents: int, *, dtype: str = "float32") -> Posterior:
    """Von Mises-Fisher, on the unit sphere of so many dimensions, which has one less."""
    head = VonMisesFisherHead(latents, one_of("dtype", DTYPES, dtype))
    return Posterior(head, is_diagonal=False, space="a sphere")


def power_spherical(latents: int, *, dtype: str = "float32") -> Posterior:
    """Power spherical, on the same sphere."""
    head = PowerSphericalHead(latents, one_of("dtype", DTYPES, dtype))
    return Posterior(head, is_diagonal=False, space="a sphere")


def wrapped(
    latents: int,
    *,
    curvature: float = 1.0,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A Gaussian wrapped around hyperbolic space."""
    check_within("curvature", curvature, *CURVATURES)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    head = WrappedNormalHead(latents, curvature, base.scale, base.dtype)
    return Posterior(head, is_diagonal=False, space="a Poincare ball")


def riemannian(
    latents: int,
    *,
    curvature: float = 1.0,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A Riemannian normal of hyperbolic space, of one scale."""
    check_within("curvature", curvature, *CURVATURES)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    head = RiemannianNormalHead(latents, curvature, base.scale, base.dtype)
    return Posterior(head, is_diagonal=False, space="a Poincare ball")
