"""Flax Linen modules as the parts of a model."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn

from vae_jax.distributions import Distribution
from vae_jax.models.state import FROZEN, WithState
from vae_jax.types import Event, Key, Params

_SOWN = "intermediates"  # what a module reports of a pass, and is not carried


def check_module(name: str, module: Any) -> None:
    """TypeError unless `module` is a Linen module, with what to do for one that is not."""
    if isinstance(module, nn.Module):
        return
    hint = "write the record by hand: VAE(init, encode, decode, prior), four functions."
    if any(base.__module__.startswith("flax.nnx") for base in type(module).__mro__):
        hint = (
            "of an NNX module, make functions: graph, params = nnx.split(encoder), and"
            " VAE(init, encode=lambda params, x, c=None, key=None:"
            " nnx.merge(graph, params['encoder'])(x), ...)."
        )
    raise TypeError(
        f"The {name} must be a Flax Linen module (flax.linen.Module); got"
        f" {type(module).__name__}. Otherwise {hint}"
    )


def init_module(module: nn.Module, key: Key, *inputs: Any) -> tuple[Params, Params]:
    """A module's first parameters, and what else it carries, {collection: variables}."""
    variables = dict(module.init(key, *inputs, **_train(module, key)))
    params = variables.pop("params", {})
    variables.pop(_SOWN, None)
    return params, variables


def with_module(params: Params, group: str, module: nn.Module, key: Key, *inputs: Any) -> Params:
    """The parameters, and the first ones of one more module, with what it carries."""
    own, carried = init_module(module, key, *inputs)
    params = {**params, group: own}
    if not carried:
        return params
    state = params.get("state", {})
    entries = {name: {**state.get(name, {}), group: leaf} for name, leaf in carried.items()}
    return {**params, "state": {**state, **entries}}


def without_module(params: Params, group: str) -> Params:
    """The parameters without those of one module, if it has any, and without what it carries."""
    others = {name: own for name, own in params.items() if name not in (group, "state")}
    state = params.get("state", {})
    shared = _carried(state, group)
    less = {name: {g: e for g, e in state[name].items() if g != group} for name in shared}
    kept = {name: entry for name, entry in {**state, **less}.items() if name not in less or entry}
    return {**others, "state": kept} if kept else others


def prior_function(prior: Distribution | nn.Module) -> Callable[..., Any]:
    """(params, c=None, key=None) -> p(z|c), of a fixed prior, or of a module, which has the
    parameter group "prior". TypeError for what is neither."""
    if not isinstance(prior, Distribution):
        check_module("prior, where it is no Distribution,", prior)

    def prior_of(params: Params, c: Event = None, key: Key | None = None) -> Any:
        if isinstance(prior, Distribution):
            return prior
        return apply_module(prior, params, "prior", c, key=key)

    return prior_of


def init_stateless(module: nn.Module, key: Key, *inputs: Any) -> Params:
    """A module's first parameters. ValueError if it carries variables besides them."""
    params, variables = init_module(module, key, *inputs)
    if variables:
        raise ValueError(
            f"{type(module).__name__} keeps {sorted(variables)} besides its parameters, which a"
            " hierarchy's networks cannot: a walk through its latents hands on distributions alone,"
            " and would lose what has moved. Use a norm of one example (nn.LayerNorm, group_norm)."
        )
    return params


def apply_module(
    module: nn.Module, params: Params, group: str, *inputs: Any, key: Key | None = None
) -> Any:
    """What a module returns. A key is training: dropout noise comes from it, and what the module
    carries moves (`WithState`). None is evaluation.

    Args:
      module: called with `inputs`; with `train=` too, if its __call__ has such an argument.
      params: of the model; the module's are params[group] and params["state"][collection][group].
    """
    carried = _carried(params.get("state") or {}, group)
    variables, train = {"params": params[group], **carried}, _train(module, key)
    if key is None:
        return module.apply(variables, *inputs, **train)
    rngs, mutable = {"dropout": key}, list(carried)
    if not mutable:
        return module.apply(variables, *inputs, rngs=rngs, **train)
    made, moved = module.apply(variables, *inputs, rngs=rngs, mutable=mutable, **train)
    return WithState(made, {name: {group: moved[name]} for name in mutable})


def _carried(state: Params, group: str) -> dict[str, Any]:
    return {
        name: entry[group]
        for name, entry in state.items()
        if name != FROZEN and isinstance(entry, Mapping) and group in entry
    }


def _train(module: nn.Module, key: Key | None) -> dict[str, Any]:
    accepts = "train" in inspect.signature(type(module).__call__).parameters
    return {"train": key is not None} if accepts else {}
