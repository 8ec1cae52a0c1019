"""Posteriors: the head of the encoder."""

from collections.abc import Callable

from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.classes import categorical, gumbel
from vae_jax.configs.choices.codes import bsq, codes, fsq, lfq, residual_codes
from vae_jax.configs.choices.diagonal import check_floor, gaussian
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.flows import iaf, planar, radial, sylvester
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.spaces import power_spherical, riemannian, vmf, wrapped
from vae_jax.configs.choices.table import Rows, one_of
from vae_jax.models import VAE, with_hamiltonian, with_riemannian_hamiltonian
from vae_jax.networks import (
    MLP,
    DeltaHead,
    FullGaussianHead,
    GaussianHead,
    MetricHead,
    Network,
    PredictedScale,
    committed_ceiling,
)
from vae_jax.objectives import sampled_rate
from vae_jax.types import Event

_METRIC = (64,)  # units of the network of a metric
_RATES = (1e-3, 10.0)  # nats of a dimension


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
    check_floor(posterior_floor)
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


def riemannian_hamiltonian(
    latents: int,
    *,
    leapfrog_steps: int = 3,
    metric_examples: int = 100,
    posterior_floor: float | None = None,
    dtype: str = "float32",
) -> Posterior:
    """The same in a metric around training examples, which is learned (Chadebec et al. 2020)."""
    check_count("leapfrog_steps", leapfrog_steps)
    check_count("metric_examples", metric_examples)
    base = gaussian(latents, posterior_floor=posterior_floor, dtype=dtype)
    own_dtype = one_of("dtype", DTYPES, dtype)
    metric = Network(MLP(_METRIC, dtype=own_dtype), MetricHead(latents, own_dtype))

    def around(model: VAE, first: Callable[..., Event], encode: Callable[..., Event]) -> VAE:
        return with_riemannian_hamiltonian(model, leapfrog_steps, metric, first, encode=encode)

    own = base._replace(is_diagonal=False, any_z=False, rate=sampled_rate)
    return own._replace(examples=metric_examples, around=around)


POSTERIORS: Rows = {
    "gaussian": gaussian,
    "full": full,
    "committed": committed,
    "point": point,
    "hamiltonian": hamiltonian,
    "riemannian_hamiltonian": riemannian_hamiltonian,
    "planar": planar,
    "radial": radial,
    "sylvester": sylvester,
    "iaf": iaf,
    "codes": codes,
    "residual_codes": residual_codes,
    "fsq": fsq,
    "lfq": lfq,
    "bsq": bsq,
    "categorical": categorical,
    "gumbel": gumbel,
    "vmf": vmf,
    "power_spherical": power_spherical,
    "wrapped": wrapped,
    "riemannian": riemannian,
}
