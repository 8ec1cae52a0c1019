"""The diagonal Gaussian, which other posteriors begin with."""

from vae_jax.checks import check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.table import one_of
from vae_jax.networks import GaussianHead, PredictedScale

_FLOORS = (-30.0, 10.0)  # of a log: the squares of such scales are numbers of float32


def gaussian(
    latents: int, *, posterior_floor: float | None = None, dtype: str = "float32"
) -> Posterior:
    """A diagonal Gaussian, whose log-scale is never under the floor, if there is one."""
    check_floor(posterior_floor)
    own = one_of("dtype", DTYPES, dtype)
    scale = PredictedScale(posterior_floor, dtype=own)
    return Posterior(GaussianHead((latents,), scale, dtype=own))


def check_floor(floor: float | None) -> None:
    """ValueError for a least log-scale that is out of range."""
    if floor is not None:
        check_within("posterior_floor", floor, *_FLOORS)
