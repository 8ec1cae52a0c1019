"""Empty figures, which everything that is drawn begins with. Needs matplotlib."""

from typing import TYPE_CHECKING

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
