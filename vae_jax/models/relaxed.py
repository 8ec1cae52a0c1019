"""Models of classes, relaxed for a gradient, and back again."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax.calls import check_takes
from vae_jax.distributions import (
    Distribution,
    Joint,
    OneHot,
    RelaxedOneHot,
    StraightThroughOneHot,
)
from vae_jax.distributions.joint import is_part
from vae_jax.models.record import VAE
from vae_jax.models.state import WithState, merge_entries, parted
from vae_jax.types import Array, Event, Key, Params

_ENTRY = "relaxation"
Temperature = float | Callable[[Array], Array]  # a number, or a schedule of the step


def relaxed(model: VAE, temperature: Temperature, *, straight_through: bool = False) -> VAE:
    """The same model with its classes relaxed, so that draws of z carry a derivative.

        encoder = Network(MLP((64,)), OneHotHead((20,), 10))
        relaxed(vae(encoder, decoder, uniform_one_hot(20, 10)), 0.5)

    Posterior and prior are each a `RelaxedOneHot` for a `OneHot`. With `straight_through` the
    posterior is a `StraightThroughOneHot` and the prior as it was: all numbers are then those of
    the model with classes, and the gradient alone is another.

    Without it, descend the distortion and `categorical_rate`, as Jang et al. do, whose sum is no
    bound on anything; or `sampled_rate`, as Maddison et al., which makes the bound of the relaxed
    model. Report that of `hard(model)`, to `fit` too:

        step = descend(weighted_sum(model, terms), optax.adam(1e-3))
        fit(hard(model), step, ...)

    Args:
      model: a VAE whose posterior and prior are a `OneHot`, or a `Joint` with some.
      temperature: a number; or a schedule of the step (optax's), which the state counts.
      straight_through: draw corners.

    Raises:
      ValueError: a temperature that is not positive.
      TypeError: a model of other latents, when it is used.

    Reference: Jang, Gu, Poole 2016, arXiv 1611.01144; Maddison, Mnih, Teh 2016, arXiv 1611.00712.
    """
    if callable(temperature):
        check_takes("The schedule of the temperature", temperature, "step")
    elif not temperature > 0:
        raise ValueError(f"temperature must be above 0, such as 0.5; got {temperature}.")

    def init(key: Key, x: Event, c: Event = None) -> Params:
        params = model.init(key, x, c)
        if not callable(temperature):
            return params
        counted = {_ENTRY: {"step": jnp.zeros((), jnp.int32)}}
        return {**params, "state": {**params.get("state", {}), **counted}}

    def log_temperature(params: Params) -> Array:
        now = temperature(params["state"][_ENTRY]["step"]) if callable(temperature) else temperature
        return jnp.log(jnp.asarray(now, jnp.float32))

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.encode(params, x, c, key))
        q = _each_one_hot(made, log_temperature(params), straight_through)
        if key is None:
            return q
        if callable(temperature):
            step = params["state"][_ENTRY]["step"] + 1
            entries = merge_entries(entries, {_ENTRY: {"step": step}})
        return WithState(q, entries)

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.prior(params, c, key))
        if not straight_through:
            made = _each_one_hot(made, log_temperature(params), False)
        return WithState(made, entries) if entries else made

    return model._replace(init=init, encode=encode, prior=prior)


def hard(model: VAE) -> VAE:
    """The same model with the classes that a relaxed one is about: what its bounds are reported of.

    Posterior and prior are each the `OneHot` of the same logits; the parameters are the same.

    Raises:
      TypeError: a model without relaxed classes, when it is used.
    """

    def encode(params: Params, x: Event, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.encode(params, x, c, key))
        q = _each(made, (RelaxedOneHot, StraightThroughOneHot), lambda d: OneHot(d.logits))
        return WithState(q, entries) if entries else q

    def prior(params: Params, c: Event = None, key: Key | None = None) -> Any:
        made, entries = parted(model.prior(params, c, key))
        p = _each(made, (OneHot, RelaxedOneHot), lambda d: OneHot(d.logits))
        return WithState(p, entries) if entries else p

    return model._replace(encode=encode, prior=prior)


def _each_one_hot(d: Distribution, log_temperature: Array, straight_through: bool) -> Distribution:
    family = StraightThroughOneHot if straight_through else RelaxedOneHot
    return _each(d, (OneHot,), lambda part: family(part.logits, log_temperature))


def _each(
    d: Distribution, families: tuple[type, ...], change: Callable[[Any], Distribution]
) -> Distribution:
    """The distribution with its parts of these families changed."""
    parts = d._leaves() if isinstance(d, Joint) else [d]
    if not any(isinstance(part, families) for part in parts):
        names = " or ".join(family.__name__ for family in families)
        raise TypeError(f"Here a {names} is expected, or a Joint with one; got {type(d).__name__}.")
    if not isinstance(d, Joint):
        return change(d)
    change_if = lambda part: change(part) if isinstance(part, families) else part  # noqa: E731
    return Joint(jax.tree.map(change_if, d.parts, is_leaf=is_part))
