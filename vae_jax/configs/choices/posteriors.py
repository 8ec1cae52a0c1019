"""Posteriors: the head of the encoder."""

from vae_jax.checks import check_within
from vae_jax.configs.choices.codes import bsq, codes, fsq, lfq, residual_codes
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    DeltaHead,
    FullGaussianHead,
    GaussianHead,
    PredictedScale,
    committed_ceiling,
)

_RATES = (1e-3, 10.0)  # nats of a dimension
_FLOORS = (-30.0, 10.0)  # of a log: the squares of such scales are numbers of float32


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


POSTERIORS: Rows = {
    "gaussian": gaussian,
    "full": full,
    "committed": committed,
    "point": point,
    "codes": codes,
    "residual_codes": residual_codes,
    "fsq": fsq,
    "lfq": lfq,
    "bsq": bsq,
}


def _check_floor(floor: float | None) -> None:
    if floor is not None:
        check_within("posterior_floor", floor, *_FLOORS)
