"""Posteriors through flows."""

from flax import linen as nn

from vae_jax import networks
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.diagonal import gaussian
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.networks import FlowHead
from vae_jax.objectives import sampled_rate


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
    return Posterior(head, is_diagonal=False, rate=sampled_rate)


def _forward(base: nn.Module, flow: nn.Module) -> Posterior:
    return Posterior(FlowHead(base, flow), is_diagonal=False, any_z=False, rate=sampled_rate)
