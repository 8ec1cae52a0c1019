"""Posteriors that are codes: tables of vectors, stages of these, lattices."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from flax import linen as nn

from vae_jax import evaluate
from vae_jax.checks import check_count, check_within
from vae_jax.configs.choices.dtypes import DTYPES
from vae_jax.configs.choices.posterior import Posterior
from vae_jax.configs.choices.table import one_of
from vae_jax.models import VAE, with_bsq, with_codebook, with_fsq, with_lfq, with_residual_codes
from vae_jax.networks import ConvEncoder, DeltaHead, ResidualEncoder, whitening
from vae_jax.networks.conv import doublings
from vae_jax.networks.norms import Norm
from vae_jax.objectives import (
    Draw,
    Term,
    codebook,
    commitment,
    entropy_gap,
    mean_over_values,
    perplexity,
    usage,
)
from vae_jax.types import Array, Batch, Key, Params

_WEIGHTS = (0.0, 1e6)
_TEMPERATURES = (1e-6, 1e6)
_DECAY, _RESTART = 0.99, 0.05
_COUNTED = (Term("perplexity", perplexity, 0.0), Term("usage", usage, 0.0))
Scaled = Callable[[Callable[[Draw], Array]], Callable[[Draw], Array]]


def _same(of: Callable[[Draw], Array]) -> Callable[[Draw], Array]:
    return of


REDUCTIONS: dict[str, Scaled] = {"sum": _same, "mean": mean_over_values}
UPDATES = {"averages": True, "gradients": False}
STARTS = {"kmeans": True, "normal": False}


def codes(
    latents: int,
    *,
    num_codes: int = 512,
    code_groups: int = 1,
    code_cosine: bool = False,
    code_updates: str = "averages",
    code_decay: float | None = None,
    code_start: str | None = None,
    code_restart: float | None = None,
    code_commitment: float = 0.25,
    code_reduction: str = "sum",
    code_vectors: int | None = None,
    dtype: str = "float32",
) -> Posterior:
    """Vectors, each the nearest of a table: a VQ-VAE."""
    moved = _moved(code_updates, code_decay, code_start, code_restart)
    made = partial(
        with_codebook, num_codes=num_codes, groups=code_groups, cosine=code_cosine, **moved
    )
    terms = _terms(code_updates, code_commitment, code_reduction)
    return _coded(latents, made, terms, code_vectors, dtype)


def residual_codes(
    latents: int,
    *,
    num_codes: int = 512,
    code_depth: int = 4,
    code_dropout: float = 0.0,
    code_updates: str = "averages",
    code_decay: float | None = None,
    code_start: str | None = None,
    code_restart: float | None = None,
    code_commitment: float = 0.25,
    code_reduction: str = "sum",
    code_vectors: int | None = None,
    dtype: str = "float32",
) -> Posterior:
    """Sums of codes, each of what those before it leave over."""
    moved = _moved(code_updates, code_decay, code_start, code_restart)
    how: dict[str, Any] = {
        "num_codes": num_codes,
        "depth": code_depth,
        "dropout": code_dropout,
        **moved,
    }
    terms = _terms(code_updates, code_commitment, code_reduction)
    return _coded(latents, partial(with_residual_codes, **how), terms, code_vectors, dtype)


def fsq(
    latents: int,
    *,
    code_levels: tuple[int, ...] = (8, 5, 5, 5),
    code_whitened: bool = False,
    code_vectors: int | None = None,
    dtype: str = "float32",
) -> Posterior:
    """Channels rounded to so many levels each."""
    if latents != len(code_levels):
        raise ValueError(
            "posterior='fsq' has a channel for each of its levels: with"
            f" code_levels={tuple(code_levels)} choose latents={len(code_levels)}; got {latents}."
        )
    made = partial(with_fsq, levels=tuple(code_levels))
    norm = whitening() if code_whitened else None
    return _coded(latents, made, _COUNTED, code_vectors, dtype, norm)


def lfq(
    latents: int,
    *,
    code_commitment: float = 0.25,
    code_entropy: float = 0.1,
    code_temperature: float = 1.0,
    code_vectors: int | None = None,
    dtype: str = "float32",
) -> Posterior:
    """The signs of channels."""
    check_within("code_commitment", code_commitment, *_WEIGHTS)
    terms = (Term("commitment", commitment, code_commitment), *_COUNTED)
    gap = _gap(code_entropy, code_temperature)
    made = partial(with_lfq, channels=latents)
    return _coded(latents, made, (*terms, gap), code_vectors, dtype)


def bsq(
    latents: int,
    *,
    code_entropy: float = 0.1,
    code_temperature: float = 1.0,
    code_vectors: int | None = None,
    dtype: str = "float32",
) -> Posterior:
    """The signs of the channels of vectors of length 1."""
    terms = (*_COUNTED, _gap(code_entropy, code_temperature))
    return _coded(latents, partial(with_bsq, channels=latents), terms, code_vectors, dtype)


def code_event(
    encoder: nn.Module, shape: tuple[int, ...], posterior: Posterior, latents: int
) -> tuple[int, ...]:
    """The shape of the features that become codes: of convolutions those of the smallest map.

    Args:
      encoder: the body.
      shape: of an example.
      posterior: says how many vectors there are, where there is no map.
      latents: D.
    """
    if not isinstance(encoder, ConvEncoder | ResidualEncoder):
        return (posterior.vectors or 1, latents)
    if posterior.vectors is not None:
        raise ValueError(
            "code_vectors is of networks without a map; convolutions have a vector of codes at each"
            " position of their smallest: leave it out, or choose network='mlp'."
        )
    smallest, *_ = doublings(shape[:-1], len(encoder.channels), encoder.axes)
    return (*smallest, latents)


def code_score(model: VAE, params: Params, key: Key, test: Batch) -> dict[str, float]:
    """Which of the codes the held-out examples use."""
    del key
    use = evaluate.code_use(model, params, test)
    return {
        "code_perplexity": use.perplexity,
        "code_usage": use.usage,
        "num_codes": math.prod(use.counts.shape),
    }


def _coded(
    latents: int,
    quantise: Callable[[VAE], VAE],
    terms: tuple[Term, ...],
    vectors: int | None,
    dtype: str,
    norm: Norm | None = None,
) -> Posterior:
    if vectors is not None:
        check_count("code_vectors", vectors)
    head = DeltaHead((latents,), one_of("dtype", DTYPES, dtype), norm)
    return Posterior(
        head, is_diagonal=False, space="codes", trained=quantise, terms=terms, vectors=vectors
    )


def _moved(
    updates: str, decay: float | None, start: str | None, restart: float | None
) -> dict[str, Any]:
    """Options of the averages; of codes that are learned by gradients there are none."""
    if one_of("code_updates", UPDATES, updates):
        return {
            "decay": _DECAY if decay is None else decay,
            "kmeans": one_of("code_start", STARTS, start or "kmeans"),
            "restart": _RESTART if restart is None else restart,
        }
    given = {"code_decay": decay, "code_start": start, "code_restart": restart}
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} is of codes that follow by averages, and code_updates='gradients': leave"
                " it out, or choose code_updates='averages'."
            )
    return {"decay": None}


def _terms(updates: str, weight: float, reduction: str) -> tuple[Term, ...]:
    check_within("code_commitment", weight, *_WEIGHTS)
    scaled = one_of("code_reduction", REDUCTIONS, reduction)
    learned = 0.0 if UPDATES[updates] else 1.0
    return (
        Term("codebook", scaled(codebook), learned),
        Term("commitment", scaled(commitment), weight),
        *_COUNTED,
    )


def _gap(weight: float, temperature: float) -> Term:
    check_within("code_entropy", weight, *_WEIGHTS)
    check_within("code_temperature", temperature, *_TEMPERATURES)
    return Term("entropy_gap", entropy_gap(temperature), weight)
