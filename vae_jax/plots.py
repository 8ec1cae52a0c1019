"""Pictures of a model, as PNG files. Needs matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from vae_jax import figures, types
from vae_jax.moved import Moved

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array: TypeAlias = types.Array | np.ndarray
Rows: TypeAlias = Sequence[dict[str, Any]]

_COLOURS = (3, 4)  # channels: red, green, blue, and how opaque they are
_INK, _MUTED, _BLUE, _ORANGE = "#222222", "#8a8a8a", "#2f6db3", "#d9742b"


def grid(images: Array, columns: int, ink: bool = True) -> np.ndarray:
    """Tile images [N, H, W, C] in [0, 1] row by row, a thin margin between them: [H', W', C].

    Of 2, 5 or more channels, which are no colours, each is a grey panel of its own, side by side.

    Args:
      images: grey, colours, colours with opacity, or channels of any other number.
      columns: images in a row.
      ink: whether 1 is drawn as black on white, where images are grey.
    """
    pixels = np.clip(np.asarray(images, np.float32), 0, 1)
    if ink and pixels.shape[-1] not in _COLOURS:
        pixels = 1 - pixels
    pixels = _side_by_side(pixels)
    N, H, W, C = pixels.shape
    rows = -(-N // columns)
    gap = max(1, H // 14)
    canvas = np.ones((rows * (H + gap) + gap, columns * (W + gap) + gap, C), np.float32)
    for n in range(N):
        top, left = (n // columns) * (H + gap) + gap, (n % columns) * (W + gap) + gap
        canvas[top : top + H, left : left + W] = pixels[n]
    return canvas


def save_images(
    path: Path,
    images: Array,
    columns: int,
    title: str,
    ink: bool = True,
    moved: Moved | None = None,
) -> None:
    """A grid of images [N, H, W, C]; see `grid`. Those of a traversal have names, and a box."""
    canvas, C = grid(images, columns, ink), np.shape(images)[-1]
    if C not in (1, *_COLOURS):
        title = f"{title}; {C} channels side by side"
    width = 6 if C in (1, *_COLOURS) else min(24, 6 * C)
    figure = figures.new(width=width, height=width * canvas.shape[0] / canvas.shape[1] + 0.35)
    axes = figure.subplots()
    _show(axes, canvas, title)
    if moved is not None:
        _name(axes, moved, canvas.shape)
    figures.save(figure, path)


def save_reconstructions(
    path: Path, x: Array, reconstructions: Array, title: str, ink: bool = True
) -> None:
    """Inputs and, under each, its reconstruction; [N, H, W, C] each, eight pairs to a row."""
    columns = min(8, len(x))
    paper = 0.0 if ink and np.shape(x)[-1] not in _COLOURS else 1.0
    # [rows, columns, ...]
    rows = [_full_rows(images, columns, paper) for images in (x, reconstructions)]
    pairs = np.stack(rows, axis=1).reshape(-1, *x.shape[1:])
    save_images(path, pairs, columns, title, ink)


def save_values(path: Path, rows: Array, title: str, names: Sequence[str] = ()) -> None:
    """Numbers [N, D] as colours, a row for each of N examples, named or not."""
    values = np.asarray(rows, np.float32)
    figure = figures.new(width=6, height=min(12.0, 1.2 + 0.12 * len(values)))
    axes = figure.subplots()
    shown = axes.imshow(values, aspect="auto", cmap="viridis", interpolation="nearest")
    axes.set_title(title, fontsize=10, color=_INK)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks(range(len(names)), names, fontsize=6)
    figure.colorbar(shown)
    figures.save(figure, path)


def save_curves(
    path: Path, train: Sequence[dict[str, Any]], test: Sequence[dict[str, Any]]
) -> None:
    """The bound, and its parts where there are any, by epoch; in nats.

    Args:
      train: rows with "epoch", "bound" and perhaps "distortion" and "rate", means over an epoch.
      test: rows with "epoch", "elbo", "distortion", "rate" on held-out data.
    """
    parts = [name for name in ("bound", "distortion", "rate") if name in train[0]]
    figure = figures.new(width=3.6 * len(parts), height=3.2)
    for axes, name in zip(figure.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        held_out = "elbo" if name == "bound" else name
        line = "o-" if len(train) == 1 else "-"  # of one epoch there is no line to see
        axes.plot(*_series(train, name), line, ms=3, color=_BLUE, label="training")
        axes.plot(*_series(test, held_out), "o-", ms=3, color=_ORANGE, label="held out (ELBO)")
        _label(axes, name, "epoch", "nats")
    axes.legend(frameon=False)
    figures.save(figure, path)


def save_comparison(path: Path, runs: Mapping[str, Rows]) -> None:
    """The bound of several runs by epoch: {name: rows with "epoch" and "elbo"}."""
    figure = figures.new(width=6.5, height=4)
    axes = figure.subplots()
    for name, rows in runs.items():
        axes.plot(*_series(rows, "elbo"), "o-", ms=3, label=name)
    _label(axes, "evidence lower bound", "epoch", "nats")
    if runs:
        for text in axes.legend(frameon=False).get_texts():
            text.set_parse_math(False)  # a name may have dollars in it
    figures.save(figure, path)


def _series(rows: Rows, name: str) -> tuple[list[float], list[float]]:
    return [row["epoch"] for row in rows], [row[name] for row in rows]


def _full_rows(images: Array, columns: int, paper: float) -> np.ndarray:
    """[rows, columns, H, W, C], filled up with images of the colour of the paper."""
    images = np.asarray(images, np.float32)
    empty = np.full((-len(images) % columns, *images.shape[1:]), paper, np.float32)
    return np.concatenate([images, empty]).reshape(-1, columns, *images.shape[1:])


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """[N, H, W, C] of channels that are no colours as [N, H, C W + C - 1, 1], white between."""
    C = images.shape[-1]
    if C in (1, *_COLOURS):
        return images
    panels = np.pad(np.moveaxis(images, -1, 2), ((0, 0),) * 3 + ((0, 1),), constant_values=1.0)
    return panels.reshape(*images.shape[:2], -1)[..., :-1, None]


def _show(axes: "Axes", canvas: np.ndarray, title: str) -> None:
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=10, color=_INK)


def _name(axes: "Axes", moved: Moved, shape: tuple[int, ...]) -> None:
    """The names of rows and columns beside a grid of pixels, and a box around what is marked."""
    from matplotlib.patches import Rectangle

    high, wide = shape[0] / len(moved.rows), shape[1] / len(moved.columns)
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=7, labelcolor=_MUTED)
    axes.set_xticks((np.arange(len(moved.columns)) + 0.5) * wide - 0.5, moved.columns)
    axes.set_yticks((np.arange(len(moved.rows)) + 0.5) * high - 0.5, moved.rows)
    for row, column in enumerate(moved.marked):
        if column is not None:
            corner = ((column + 0.03) * wide - 0.5, (row + 0.03) * high - 0.5)
            sides = (0.94 * wide, 0.94 * high)
            axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=_ORANGE, lw=2))


def _label(axes: "Axes", title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10, color=_INK)
    axes.set_xlabel(x, color=_MUTED)
    axes.set_ylabel(y, color=_MUTED)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_MUTED)
