"""Posteriors: the head of the encoder."""

from typing import NamedTuple

from flax import linen as nn

from vae_jax.checks import check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import DeltaHead, FullGaussianHead, GaussianHead, PredictedScale

_FLOORS = (-30.0, 10.0)  # of a log: the squares of such scales are numbers of float32


class Posterior(NamedTuple):
    """The head of an encoder; and whether it is a point, which has no bound."""

    head: nn.Module
    is_point: bool = False


def gaussian(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A diagonal Gaussian, whose log-scale is never under the floor, if there is one."""
    if posterior_floor is not None:
        check_within("posterior_floor", posterior_floor, *_FLOORS)
    own = one_of("dtype", DTYPES, dtype)
    scale = PredictedScale(posterior_floor, dtype=own)
    return Posterior(GaussianHead((latents,), scale, dtype=own))


def full(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A Gaussian with every covariance; the floor is of each scale given the latents before it."""
    diagonal = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    return Posterior(FullGaussianHead((latents,), diagonal.scale, dtype=diagonal.dtype))


def point(latents: int, *, dtype: str = "float32") -> Posterior:
    """A point: a plain autoencoder, whose loss is the distortion and no bound."""
    return Posterior(DeltaHead((latents,), one_of("dtype", DTYPES, dtype)), is_point=True)


POSTERIORS: Rows = {"gaussian": gaussian, "full": full, "point": point}
