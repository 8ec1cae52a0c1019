"""Posteriors: the head of the encoder."""

from collections.abc import Callable
from typing import NamedTuple

import optax
from flax import linen as nn

from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.evaluate.scores import Rate
from vae_jax.models import VAE, hard, relaxed, with_hamiltonian
from vae_jax.networks import (
    DeltaHead,
    FullGaussianHead,
    GaussianHead,
    OneHotHead,
    PowerSphericalHead,
    PredictedScale,
    RiemannianNormalHead,
    VonMisesFisherHead,
    WrappedNormalHead,
    committed_ceiling,
)
from vae_jax.objectives import categorical_rate, rate, sampled_rate

_RATES = (1e-3, 10.0)  # nats of a dimension
_FLOORS = (-30.0, 10.0)  # of a log: the squares of such scales are numbers of float32
_TEMPERATURES = (1e-3, 1e3)


def _same(model: VAE) -> VAE:
    return model


class Posterior(NamedTuple):
    """The head of an encoder.

    Fields:
      head: of the features.
      is_point: whether it is a point, which has no bound.
      is_committed: whether it has a least rate, which is one under the standard prior alone.
      is_diagonal: whether its rate is one of each dimension.
      space: of its events, which the prior's are in too.
      trained: of the model with this head, the one that is trained.
      scored: of that, the one that is scored.
      rate: of it, where it is another than the prior says.
      descended: in the place of the rate, where that is of the scored model alone.
    """

    head: nn.Module
    is_point: bool = False
    is_committed: bool = False
    is_diagonal: bool = True
    space: str = "numbers"
    trained: Callable[[VAE], VAE] = _same
    scored: Callable[[VAE], VAE] = _same
    rate: Rate | None = None
    descended: Rate | None = None


def gaussian(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A diagonal Gaussian, whose log-scale is never under the floor, if there is one."""
    _check_floor(posterior_floor)
    own = one_of("dtype", DTYPES, dtype)
    scale = PredictedScale(posterior_floor, dtype=own)
    return Posterior(GaussianHead((latents,), scale, dtype=own))


def full(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A Gaussian with every covariance; the floor is of each scale given the latents before it."""
    diagonal = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    head = FullGaussianHead((latents,), diagonal.scale, dtype=diagonal.dtype)
    return Posterior(head, is_diagonal=False)


def committed(
    latents: int,
    *,
    committed_rate: float = 0.1,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian, whose rate is never under so many nats in each dimension (delta-VAE)."""
    _check_floor(posterior_floor)
    check_within("committed_rate", committed_rate, *_RATES)
    own, ceiling = one_of("dtype", DTYPES, dtype), committed_ceiling(committed_rate)
    if posterior_floor is not None and posterior_floor >= ceiling - 1:
        raise ValueError(
            f"committed_rate={committed_rate} takes a log-scale of at most {ceiling:.2f}, which is"
            f" to be more than 1 above the least, posterior_floor={posterior_floor}: lower one."
        )
    scale = PredictedScale(posterior_floor, ceiling, dtype=own)
    return Posterior(GaussianHead((latents,), scale, dtype=own), is_committed=True)


def point(latents: int, *, dtype: str = "float32") -> Posterior:
    """A point: a plain autoencoder, whose loss is the distortion and no bound."""
    return Posterior(DeltaHead((latents,), one_of("dtype", DTYPES, dtype)), is_point=True)


def categorical(latents: int, *, latent_classes: int = 10, dtype: str = "float32") -> Posterior:
    """Classes, whose draws have no gradient: for the objectives rloo and vimco."""
    check_count("latent_classes", latent_classes)
    head = OneHotHead((latents,), latent_classes, one_of("dtype", DTYPES, dtype))
    return Posterior(head, is_diagonal=False, space="classes")


def gumbel(
    latents: int,
    *,
    latent_classes: int = 10,
    temperature: float = 1.0,
    temperature_end: float | None = None,
    temperature_steps: int = 0,
    straight_through: bool = False,
    dtype: str = "float32",
) -> Posterior:
    """Classes, relaxed in training (Gumbel-softmax), and scored as they are."""
    check_within("temperature", temperature, *_TEMPERATURES)
    now: float | optax.Schedule = temperature
    if temperature_end is not None or temperature_steps:
        end = _end(temperature_end, temperature_steps)
        now = optax.exponential_decay(
            temperature, temperature_steps, end / temperature, end_value=end
        )

    def trained(model: VAE) -> VAE:
        return relaxed(model, now, straight_through=straight_through)

    classes = categorical(latents, latent_classes=latent_classes, dtype=dtype)
    own = rate if straight_through else categorical_rate
    return classes._replace(trained=trained, scored=hard, descended=own)


def vmf(latents: int, *, dtype: str = "float32") -> Posterior:
    """Von Mises-Fisher, on the unit sphere of so many dimensions, which has one less."""
    head = VonMisesFisherHead(latents, one_of("dtype", DTYPES, dtype))
    return Posterior(head, is_diagonal=False, space="a sphere")


def power_spherical(latents: int, *, dtype: str = "float32") -> Posterior:
    """Power spherical, on the same sphere."""
    head = PowerSphericalHead(latents, one_of("dtype", DTYPES, dtype))
    return Posterior(head, is_diagonal=False, space="a sphere")


def hamiltonian(
    latents: int,
    *,
    leapfrog_steps: int = 3,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian, whose draws are moved by the forces of the model's own log p(x, z)."""
    check_count("leapfrog_steps", leapfrog_steps)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype)

    def trained(model: VAE) -> VAE:
        return with_hamiltonian(model, leapfrog_steps)

    return base._replace(is_diagonal=False, trained=trained, rate=sampled_rate)


def wrapped(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A Gaussian wrapped around hyperbolic space."""
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    head = WrappedNormalHead(latents, scale=base.scale, dtype=base.dtype)
    return Posterior(head, is_diagonal=False, space="a Poincare ball")


def riemannian(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A Riemannian normal of hyperbolic space, of one scale."""
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    head = RiemannianNormalHead(latents, scale=base.scale, dtype=base.dtype)
    return Posterior(head, is_diagonal=False, space="a Poincare ball")


POSTERIORS: Rows = {
    "gaussian": gaussian,
    "full": full,
    "committed": committed,
    "point": point,
    "categorical": categorical,
    "gumbel": gumbel,
    "vmf": vmf,
    "power_spherical": power_spherical,
    "hamiltonian": hamiltonian,
    "wrapped": wrapped,
    "riemannian": riemannian,
}


def _end(end: float | None, steps: int) -> float:
    if end is None or not steps:
        raise ValueError(
            "A temperature that falls needs where it ends and in how many steps:"
            f" temperature_end=0.5 and temperature_steps=10000, say; got {end} and {steps}."
        )
    check_within("temperature_end", end, *_TEMPERATURES)
    check_count("temperature_steps", steps)
    return end


def _check_floor(floor: float | None) -> None:
    if floor is not None:
        check_within("posterior_floor", floor, *_FLOORS)
