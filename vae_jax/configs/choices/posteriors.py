"""Posteriors: the head of the encoder."""

from typing import NamedTuple

from flax import linen as nn

from vae_jax import networks
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.networks import (
    DeltaHead,
    FlowHead,
    FullGaussianHead,
    GaussianHead,
    PredictedScale,
    committed_ceiling,
)

_RATES = (1e-3, 10.0)  # nats of a dimension
_FLOORS = (-30.0, 10.0)  # of a log: the squares of such scales are numbers of float32


class Posterior(NamedTuple):
    """The head of an encoder.

    Fields:
      head: of the features.
      is_point: whether it is a point, which has no bound.
      is_committed: whether it has a least rate, which is one under the standard prior alone.
      is_diagonal: whether its rate is one of each dimension.
      is_flow: whether its rate is had by sampling alone.
      any_z: whether its density is known at every z, and not at those that it draws alone.
    """

    head: nn.Module
    is_point: bool = False
    is_committed: bool = False
    is_diagonal: bool = True
    is_flow: bool = False
    any_z: bool = True


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


def planar(
    latents: int,
    *,
    flow_layers: int = 8,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian through planar flows of the features (Rezende, Mohamed 2015)."""
    check_count("flow_layers", flow_layers)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    return _forward(base, networks.planar(latents, flow_layers, base.dtype))


def radial(
    latents: int,
    *,
    flow_layers: int = 8,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian through radial flows of the features (Rezende, Mohamed 2015)."""
    check_count("flow_layers", flow_layers)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    return _forward(base, networks.radial(latents, flow_layers, base.dtype))


def sylvester(
    latents: int,
    *,
    flow_layers: int = 4,
    flow_rank: int | None = None,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian through Sylvester flows of the features (van den Berg et al. 2018)."""
    check_count("flow_layers", flow_layers)
    rank = min(latents, 8) if flow_rank is None else flow_rank
    check_within("flow_rank", rank, 1, latents)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    return _forward(base, networks.sylvester(latents, flow_layers, rank, base.dtype))


def iaf(
    latents: int,
    *,
    flow_layers: int = 2,
    flow_width: int = 128,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """A diagonal Gaussian through autoregressive flows that are told the features (Kingma 2016)."""
    check_count("flow_layers", flow_layers)
    check_count("flow_width", flow_width)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype).head
    context = nn.Dense(flow_width, dtype=base.dtype)
    head = FlowHead(base, networks.iaf(latents, flow_layers, (flow_width,)), context)
    return Posterior(head, is_diagonal=False, is_flow=True)


POSTERIORS: Rows = {
    "gaussian": gaussian,
    "full": full,
    "committed": committed,
    "point": point,
    "planar": planar,
    "radial": radial,
    "sylvester": sylvester,
    "iaf": iaf,
}


def _forward(base: nn.Module, flow: nn.Module) -> Posterior:
    return Posterior(FlowHead(base, flow), is_diagonal=False, is_flow=True, any_z=False)


def _check_floor(floor: float | None) -> None:
    if floor is not None:
        check_within("posterior_floor", floor, *_FLOORS)
