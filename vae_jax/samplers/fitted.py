"""A prior that was fitted: its numbers, and the distribution that is made of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.distributions import Distribution
from vae_jax.models import VAE
from vae_jax.models.modules import without_module
from vae_jax.models.trace import trace
from vae_jax.types import Event, Key, Params


class FittedPrior(NamedTuple):
    """A prior fitted after training.

    Fields:
      params: its numbers, a tree of arrays.
      make: params -> p(z).
    """

    params: Params
    make: Callable[[Params], Distribution]

    @property
    def distribution(self) -> Distribution:
        """p(z)."""
        return self.make(self.params)


def with_fitted_prior(model: VAE, fitted: FittedPrior) -> VAE:
    """The same model with a fitted prior, whose numbers are the parameter group "prior".

        model, params = with_fitted_prior(model, fitted), {**params, "prior": fitted.params}

    Raises:
      TypeError, ValueError: in `init`, if posterior and prior are not over the same events.
    """

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = {**without_module(model.init(key, x, c), "prior"), "prior": fitted.params}
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the events
        return params

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Distribution:
        del c, key
        return fitted.make(params["prior"])

    changed = model._replace(init=init, prior=prior)
    return changed


def vectors(z: Any) -> np.ndarray:
    """Draws as float64 [N, D]. ValueError where they are no vectors, or there are not two."""
    if not hasattr(z, "dtype") or np.ndim(z) != 2 or len(z) < 2:
        what = np.shape(z) if hasattr(z, "dtype") else type(z).__name__
        raise ValueError(
            f"A prior is fitted to draws [N, D] of one latent that is a vector, two at least; got"
            f" {what}."
        )
    found = np.asarray(z, np.float64)
    if not np.isfinite(found).all():
        raise ValueError("The draws have values that are not finite: no prior is fitted to them.")
    return found
