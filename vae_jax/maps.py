"""Maps of latents: points on a plane, told apart by label. Needs matplotlib."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from vae_jax import figures, types

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array: TypeAlias = types.Array | np.ndarray
Scatter: TypeAlias = Callable[..., Any]

_INK, _MUTED, _BLUE = "#222222", "#8a8a8a", "#2f6db3"
_MARKERS = "o^sDvP*X"  # one for each ten classes; a colour for each class of the ten
_MOST = 10 * len(_MARKERS)  # classes; of more values a bar says which colour is which
_IN_A_COLUMN = 20  # of the legend


def save_latent_map(path: Path, means: Array, labels: Array | None, title: str) -> None:
    """Posterior means [N, D] on the plane of their two principal components, coloured by label.

    Ten classes have a colour each, the next ten the same with another marker, and so on; more than
    80 values, and those that are no integers, are shades of one colour scale. The more points, the
    smaller and the more transparent they are.

    Args:
      path: of the PNG.
      means: [N, D].
      labels: numbers [N], or None.
      title: above it; the share of the variance that the plane has is added.
    """
    points, share = _principal_plane(np.asarray(means))
    figure = figures.new(width=6.6, height=5.6)
    axes = figure.subplots()
    draw = _scatter(axes, len(points))
    if labels is None:
        draw(points, color=_BLUE)
    elif _are_classes(np.asarray(labels)):
        _draw_classes(axes, draw, points, np.asarray(labels))
    else:
        figure.colorbar(draw(points, c=np.asarray(labels), cmap="viridis"), label="label")
    axes.set_aspect("equal", "datalim")
    axes.set_title(
        f"{title}\n{share:.0%} of the variance is on this plane", fontsize=10, color=_INK
    )
    axes.set_xlabel("first principal component", color=_MUTED)
    axes.set_ylabel("second principal component", color=_MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_MUTED)
    figures.save(figure, path)


def _scatter(axes: "Axes", number: int) -> Scatter:
    """Draws some of so many points, as large and as opaque as leaves them apart."""
    size = float(np.clip(6_000 / number, 8, 36))
    alpha = float(np.clip(20 / np.sqrt(number), 0.3, 0.9))

    def draw(points: np.ndarray, **style: Any) -> Any:
        return axes.scatter(points[:, 0], points[:, 1], s=size, alpha=alpha, linewidths=0, **style)

    return draw


def _are_classes(labels: np.ndarray) -> bool:
    return np.issubdtype(labels.dtype, np.integer) and len(np.unique(labels)) <= _MOST


def _draw_classes(axes: "Axes", draw: Scatter, points: np.ndarray, labels: np.ndarray) -> None:
    """A colour and a marker for each class, and its name among its points."""
    classes = np.unique(labels)
    for n, label in enumerate(classes):
        own = points[labels == label]
        draw(own, color=f"C{n % 10}", marker=_MARKERS[n // 10], label=str(label))
        size = 12 if len(classes) <= 10 else 9
        _write(axes, str(label), np.median(own, axis=0), f"C{n % 10}", size)
    columns = -(-len(classes) // _IN_A_COLUMN)
    axes.legend(
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        ncols=columns,
        fontsize=8,
        markerscale=1.5,
    )


def _write(axes: "Axes", text: str, place: np.ndarray, colour: str, size: int) -> None:
    """A word on top of the points, with a white edge."""
    from matplotlib.patheffects import withStroke

    edge = [withStroke(linewidth=3, foreground="white")]
    written = axes.text(place[0], place[1], text, ha="center", va="center", color=colour)
    written.set(fontsize=size, fontweight="bold", path_effects=edge)


def _principal_plane(means: np.ndarray) -> tuple[np.ndarray, float]:
    """[N, 2] and the share of the variance in them; the second is 0 where there is but one."""
    centred = means.reshape(len(means), -1) - means.reshape(len(means), -1).mean(0)
    # a row and a column of zeros more, so that there are two components in any case
    _, scale, axes = np.linalg.svd(np.pad(centred, ((0, 1), (0, 1))), full_matrices=False)
    total = float(np.sum(scale**2))
    share = float(np.sum(scale[:2] ** 2)) / total if total > 0 else 1.0
    return centred @ axes[:2, :-1].T, share
