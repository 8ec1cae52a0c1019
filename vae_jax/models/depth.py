"""How many of the stages of residual codes are used."""

from typing import Any

import jax.numpy as jnp

from vae_jax.checks import check_count
from vae_jax.distributions import Quantised, ResidualCodes, UniformCodes
from vae_jax.distributions.codes import Codes
from vae_jax.models.record import VAE
from vae_jax.models.trace import Trace, trace_parts
from vae_jax.types import Event, Key, Params


def at_depth(model: VAE, depth: int) -> VAE:
    """A model of the first so many stages of residual codes alone: at a lower rate, N depth log K.

    Its events are [*positions, depth, D]. A prior that is learned is fitted to it, not taken over:
    `with_code_prior(at_depth(model, 2), ...)`.

    Args:
      model: from `with_residual_codes`, trained with dropout.
      depth: in 1 .. P.

    Raises:
      ValueError, TypeError: when its encoder or its prior is called, for more stages than there
        are, or a model of other codes, or of a prior that is not uniform.
    """
    check_count("depth", depth)

    def encode(params: Params, *example: object, **given: object) -> Quantised:
        q = model.encode(params, *example, **given)
        if not isinstance(q, Quantised):
            raise TypeError("at_depth is for evaluating a model from with_residual_codes.")
        return q.replace(codes=_first_stages(q.codes, depth))

    def prior(params: Params, c: Event = None, key: Key | None = None) -> UniformCodes:
        p = model.prior(params, c, key)
        if not isinstance(p, UniformCodes):
            raise TypeError(
                f"at_depth is for a uniform prior of the codes, and the model's is a"
                f" {type(p).__name__}, of all stages: fit another to at_depth(model, {depth})."
            )
        return UniformCodes(_first_stages(p.codes, depth), (*p.shape[:-2], depth, p.shape[-1]))

    return model._replace(encode=encode, prior=prior)


def _first_stages(codes: Codes, depth: int) -> ResidualCodes:
    if not isinstance(codes, ResidualCodes):
        raise TypeError("at_depth is for evaluating a model from with_residual_codes.")
    if depth > codes.size[0]:
        raise ValueError(f"depth={depth} is more than the {codes.size[0]} stages there are.")
    used = None if codes.used is None else jnp.minimum(codes.used, depth)
    return ResidualCodes(codes.codes[:depth], used)


def trace_of_one_depth(model: VAE, *given: Any) -> Trace:
    """That of the parts, of which the uniform prior has the depth that was drawn for q."""
    t = trace_parts(model, *given)
    codes = t.q.codes if isinstance(t.q, Quantised) else None
    if not isinstance(t.p, UniformCodes) or not isinstance(codes, ResidualCodes):
        return t
    return t._replace(p=t.p.replace(codes=t.p.codes.replace(used=codes.used)))
