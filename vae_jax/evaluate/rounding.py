"""Posteriors so narrow that their draws are rounded."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from vae_jax.distributions import Distribution, FullGaussian, Gaussian, Laplace
from vae_jax.distributions.base import as_float
from vae_jax.distributions.layered import Layers
from vae_jax.types import Array


def rounds(q: Distribution | Layers) -> Array:
    """Whether a location in q has a scale below the spacing of floats there, [] bool."""
    found = [n for n in jax.tree.leaves(q, is_leaf=_has_scale) if _has_scale(n)]
    narrow = [jnp.exp(n.log_scale) < jnp.spacing(jnp.abs(as_float(n.loc))) for n in found]
    return jnp.any(jnp.stack([jnp.any(each) for each in narrow])) if narrow else jnp.array(False)


def warn_of_rounding(rounded: np.ndarray) -> None:
    """Warn where the posterior of some example, [N] bool, rounds its draws."""
    if rounded.any():
        warnings.warn(
            f"The posteriors of {rounded.sum()} of {len(rounded)} examples, the first that of"
            f" x[{np.argmax(rounded)}], have scales below the spacing of floats at their means:"
            " their draws are rounded, and the log q of a z that is given is wrong by nats (in"
            " mutual_information, under a VampPrior, in a score_free gradient). Give their scale a"
            " floor, PredictedScale(floor=-6.0), or compute in float64.",
            stacklevel=2,
        )


def _has_scale(node: object) -> bool:
    return isinstance(node, Gaussian | FullGaussian | Laplace)
