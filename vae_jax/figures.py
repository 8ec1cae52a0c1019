"""Figures: empty, as everything that is drawn begins, and as files. Needs matplotlib."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from vae_jax import files
from vae_jax.extras import lacking

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """A figure of so many inches.

    Raises:
      ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise lacking("A picture", "matplotlib", "experiments") from error
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def save(path: Path, figure: "Figure") -> None:
    """The figure as a file, in the format of its suffix, all of it or nothing.

    Raises:
      OSError: it cannot be written.
      ValueError: matplotlib does not know the suffix.
    """
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix.removeprefix(".") or "png")
    files.write(path, content.getvalue())
