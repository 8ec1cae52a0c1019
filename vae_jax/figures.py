"""Figures: how everything that is drawn begins and ends. Needs matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING

from vae_jax.extras import lacking

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new(width: float, height: float) -> "Figure":
    """A figure of so many inches.

    Raises:
      ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise lacking("A picture", "matplotlib", "experiments") from error
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure, in the format of the path's suffix.

    What is written in it are words, not formulas: a name with two dollars in it stays as it is.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    figure.savefig(path)
