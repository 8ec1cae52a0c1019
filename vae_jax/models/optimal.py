"""A Gaussian likelihood whose one variance is the best there is: that of sigma-VAE."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

from vae_jax.distributions import Distribution, Gaussian
from vae_jax.models.record import VAE
from vae_jax.models.state import parted
from vae_jax.models.trace import trace
from vae_jax.types import Array, Event, Key, Params

FLOOR = -6.0  # of log s, as of the scales that are learned
_POOLED = ("draws", "batch")  # axes


def with_optimal_scale(model: VAE, *, floor: float | None = FLOOR) -> VAE:
    """The same model, the standard deviation of whose Gaussian likelihood is never descended.

        -log p(x|z) = SSE / (2 s^2) + D/2 log(2 pi s^2),   s^2 = the mean of (x - f(z))^2

    In training the mean is over dimensions, draws and batch (the axes "draws" and "batch"): s^2 is
    fitted to the x that it scores, and what is made of it is no bound (`fit` reports it as
    "fitted_bound"). Over the batch the distortion has the mean D/2 log s^2 + D/2 + D/2 log(2 pi),
    an example's own has not. The gradient of s^2 is stopped. Of a mean distortion that changes
    nothing, since s^2 is where it is least. An importance-weighted bound has its maximum at
    another s^2, and is ascended at this one.

    In an evaluation s^2 is a constant, and the bound is one: the mean over the training data, in
    one pass by the parameters as they are, params["state"]["scale"]. `fit` makes that pass before
    each evaluation; elsewhere it is `train.settled`. Before the first it is NaN.

    Args:
      model: a VAE whose decoder makes a `Gaussian`, of which the mean alone is used: that of a head
        with `FixedScale()`.
      floor: the least log s; None for none.

    Raises:
      TypeError: when it is traced, a likelihood that is no `Gaussian`.

    Reference: Rybkin, Daniilidis, Levine 2021, arXiv 2006.13202, eq. 8. Departures: they score test
    data by the variance of these themselves, or by a running mean.
    """

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = model.init(key, x, c)
        entry = {"mean_square": jnp.full((), jnp.nan)}
        params = {**params, "state": {**params.get("state", {}), "scale": entry}}
        jax.eval_shape(lambda: trace(changed, params, key, x, c).z)  # checks the likelihood
        return params

    def decode(params: Params, z: Event, c: Event = None, key: Key | None = None) -> Any:
        known = log_scale_of(params["state"]["scale"]["mean_square"], floor)
        part = parted(model.decode(params, z, c, key))
        loc = _mean_of(part.made)
        scale = jnp.broadcast_to(known, loc.shape)
        if key is None:
            return Gaussian(loc, scale)
        fitted = _Fitted(loc, scale, floor)
        return part._replace(made=fitted) if part.entries else fitted

    changed = model._replace(init=init, decode=decode, over_data=_squares)
    return changed


def log_scale_of(mean_square: Array, floor: float | None) -> Array:
    """log s, no less than the floor."""
    log_scale = 0.5 * jnp.log(mean_square)
    return log_scale if floor is None else jnp.maximum(log_scale, floor)


def _squares(model: VAE, params: Params, key: Key, x: Event, c: Event = None) -> Params:
    """Of one example and one draw."""
    likelihood = trace(model, params, key, x, c).likelihood
    return {"scale": {"mean_square": jnp.mean((x - likelihood.mean()) ** 2)}}


def _mean_of(likelihood: Any) -> Array:
    if not isinstance(likelihood, Gaussian):
        raise TypeError(
            "with_optimal_scale is of a decoder that makes a Gaussian, such as GaussianHead(shape,"
            f" FixedScale()); this one makes a {type(likelihood).__name__}."
        )
    return likelihood.mean()


class _Fitted(Distribution):
    """A Gaussian of the one variance that the values have which are scored together.

    Args:
      loc: mean, the event's shape.
      log_scale: of its draws.
      floor: of the log of the standard deviation that is fitted.
    """

    loc: Array
    log_scale: Array
    floor: float | None = flax.struct.field(pytree_node=False)

    reparameterized = True

    def _sample(self, key: Key) -> Array:
        return Gaussian(self.loc, self.log_scale).sample(key)

    def _log_prob(self, value: Array) -> Array:
        mean_square = _pooled(jnp.mean((value - self.loc) ** 2))
        fitted = jax.lax.stop_gradient(log_scale_of(mean_square, self.floor))
        return Gaussian(self.loc, fitted).log_prob(value)

    def mean(self) -> Array:
        """loc."""
        return self.loc


def _pooled(value: Array) -> Array:
    try:
        return jax.lax.pmean(value, _POOLED)
    except NameError as error:
        raise NameError(
            "The variance of with_optimal_scale is a mean over the axis names 'draws' and 'batch'"
            f" ({error}). In an objective of your own map over the draws of an example by"
            " jax.vmap(..., axis_name='draws'), inside of over_batch."
        ) from error
