"""The options by which a prior is fitted, as a command has them and a run keeps them."""

import inspect
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vae_jax.samplers.kinds import FITS, Kind

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
        neighbours, which has no density.
      components: Of gaussian_mixture, by default 10.
      layers: Of maf and iaf, by default 4.
      width: Of the networks of maf and iaf, by default 64, and of two_stage, 256.
      epochs: Of maf and iaf, by default 50, and of two_stage, 100.
      neighbours: Of nearest, by default 5.
    """

    fit: Fit = "gaussian_mixture"
    components: int | None = None
    layers: int | None = None
    width: int | None = None
    epochs: int | None = None
    neighbours: int | None = None


def kind_of(asked: FitOptions, size: int) -> Kind:
    """The prior that is asked for, of latents of `size`; ValueError as `kind_from`."""
    own = {name: value for name, value in asdict(asked).items() if name != "fit"}
    given = {name: value for name, value in own.items() if value is not None}
    return kind_from({"fit": asked.fit, "size": size, "options": given})


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
