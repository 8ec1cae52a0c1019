"""The options by which a prior is fitted, as a command has them and a run keeps them."""

import inspect
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import jax
import numpy as np

from vae_jax.distributions import Quantised
from vae_jax.models import VAE
from vae_jax.samplers.kinds import FITS, Kind
from vae_jax.types import Batch, Params

if TYPE_CHECKING:
    Fit: TypeAlias = str
else:  # a command line lists the rows of the table
    Fit = Literal[tuple(FITS)]


@dataclass(frozen=True)
class FitOptions:
    """What is fitted, and its options.

    Args:
      fit: gaussian_mixture, by expectation maximisation; maf, a normal through masked
        autoregressive flows; iaf, the other way round, fast to draw from and slow to fit;
        two_stage, a second VAE, of which a bound is known; nearest, between draws and their
        neighbours, which has no density; codes, of a model of codes, their indices one after the
        other.
      components: Of gaussian_mixture, by default 10.
      layers: Of maf and iaf, by default 4, and of codes, 2.
      width: Of the networks of maf, iaf and codes, by default 64, and of two_stage, 256.
      epochs: Of maf and iaf, by default 50, of two_stage, 100, and of codes, 10.
      neighbours: Of nearest, by default 5.
    """

    fit: Fit = "gaussian_mixture"
    components: int | None = None
    layers: int | None = None
    width: int | None = None
    epochs: int | None = None
    neighbours: int | None = None


def kept_of(asked: FitOptions, model: VAE, params: Params, data: Batch) -> dict[str, Any]:
    """What is kept of the prior that is asked for, from which `kind_from` makes it again.

    Args:
      asked: the fit and its options.
      model, params: whose latents it is of.
      data: of an example or more.

    Raises:
      ValueError: latents that this fit is not of.
    """
    options = {name: value for name, value in asdict(asked).items() if value is not None}
    fit, size, found = options.pop("fit"), *_looked_at(model, params, data)
    if (fit == "codes") != bool(found):
        raise ValueError(
            f"fit={fit!r} is not of the latents of this model: choose"
            f" {'codes' if found else 'another, such as gaussian_mixture'}."
        )
    return {"fit": fit, "size": size, "options": {**options, **found}}


def _looked_at(model: VAE, params: Params, data: Batch) -> tuple[int, dict[str, int]]:
    """The size of an example's latent; of codes, of its indices, and how many codes there are."""
    x, c = jax.tree.map(lambda leaf: leaf[0], (data["x"], data.get("c")))
    q = jax.eval_shape(model.encode, params, x, c)
    if isinstance(q, Quantised):
        index = jax.eval_shape(lambda q: q.index(), q)
        return math.prod(index.shape), {"num_codes": q.codes.size[1]}
    z = jax.eval_shape(lambda q: q.sample(jax.random.key(0)), q)
    if not hasattr(z, "dtype") or z.ndim != 1:
        raise ValueError(
            "A prior is fitted to one latent that is a vector, and the model of this run has"
            f" {', '.join(z) if isinstance(z, dict) else f'events {list(np.shape(z))}'}."
        )
    return z.size, {}


def kind_from(kept: dict[str, Any]) -> Kind:
    """The prior of {"fit": ..., "size": ..., "options": ...}.

    Raises:
      ValueError: there is no such fit, or an option is another's.
    """
    if kept["fit"] not in FITS:
        raise ValueError(f"There is no fit {kept['fit']!r}; there are {', '.join(FITS)}.")
    row = FITS[kept["fit"]]
    known = set(inspect.signature(row).parameters) - {"size"}
    if others := sorted(set(kept["options"]) - known):
        raise ValueError(
            f"{', '.join(others)} is no option of fit={kept['fit']!r}, which has"
            f" {', '.join(sorted(known))}: leave it out."
        )
    return row(kept["size"], **kept["options"])
