"""Pictures of numbers: tables with their columns named, and series as lines. Needs matplotlib."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_jax import figures
from vae_jax.moved import Moved

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_ROWS, _WRITTEN, _NAMED = 40, 12, 40  # rows drawn; columns whose cells are written, and named
_COLOURS = 10  # of the lines of a panel, then again
_WIDTH = 0.92  # of a panel, whose place is 1


def save_table(
    path: Path,
    shades: np.ndarray,
    cells: Sequence[Sequence[str]],
    names: Sequence[str],
    title: str,
    together: int = 1,
    rows: Sequence[str] = (),
) -> None:
    """A table, a row for each example.

    Args:
      path: of the PNG.
      shades: [N, C], in scales from the mean: what a cell is coloured by; NaN for no colour.
      cells: [N][C], what is written in it, where there are few columns.
      names: of the columns.
      title: above it; of many rows the first 40 are drawn, and it says so.
      together: rows that belong together: a line is drawn after so many.
      rows: their names, if they have some.
    """
    N, C = shades.shape
    if N > _ROWS:
        title = f"{title}; the first {_ROWS} of {N:,}"
    shades = np.asarray(shades[:_ROWS], np.float32)
    figure = _figure(max(6.0, min(C, _WRITTEN) * 1.1), 1.6 + 0.2 * len(shades), title)
    axes = figure.subplots()
    axes.imshow(shades, aspect="auto", cmap="coolwarm", vmin=-3, vmax=3, alpha=0.6)
    if together > 1:
        axes.hlines(
            np.arange(0, len(shades), together) - 0.5, -0.5, C - 0.5, "#666666", linewidth=1
        )
    axes.set_yticks(range(len(rows[:_ROWS])), rows[:_ROWS], fontsize=7)
    axes.spines[:].set_visible(False)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    axes.set_xticks(range(C) if C <= _NAMED else [], names if C <= _NAMED else [], rotation=40)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left")
    for row, texts in enumerate(cells[:_ROWS] if C <= _WRITTEN else []):
        for column, text in enumerate(texts):
            axes.text(column, row, text, ha="center", va="center", fontsize=7)
    figures.save(figure, path)


def save_series(
    path: Path,
    x: np.ndarray,
    made: np.ndarray | None,
    columns: int,
    title: str,
    moved: Moved | None = None,
) -> None:
    """Series, a panel for each, a line for each channel, each channel on a scale of its own.

    Args:
      path: of the PNG.
      x: [N, T, C]; a legend says from where to where each channel goes.
      made: [N, T, C], dashed, of the same colours; or None.
      columns: panels in a row.
      title: above them; of many panels those of the first 40 are drawn, and it says so.
      moved: of a traversal, what its rows and columns are.
    """
    size, columns = _kept(len(x), columns), min(columns, len(x))
    title = title if size == len(x) else f"{title}; the first {size} of {len(x):,}"
    shown = [x[:size]] if made is None else [x[:size], made[:size]]
    every = np.stack(shown)  # [1 or 2, N, T, C]
    low, high = every.min(axis=(0, 1, 2)), every.max(axis=(0, 1, 2))
    corners = np.array([(n % columns, -(n // columns)) for n in range(size)])
    figure = _figure(max(6.0, 1.2 * columns), 0.9 + 0.9 * -(-size // columns), title)
    axes = figure.subplots()
    _draw_panels(axes, corners)
    for c, (least, most) in enumerate(zip(low, high, strict=True)):
        colour = f"C{c % _COLOURS}"
        heights = (every[..., c] - least) / (most - least or 1.0)
        for values, style in zip(heights, ("-", (0, (3, 2))), strict=False):
            _draw_lines(axes, corners, values, colour, style)
        name = f"channel {c}: {least:.4g} to {most:.4g}"
        if c < _COLOURS:
            axes.plot([], [], color=colour, linewidth=1, label=name)
    if moved is not None:
        _name(axes, moved)
    axes.legend(fontsize=7, frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0.0))
    figures.save(figure, path)


def _draw_panels(axes: "Axes", corners: np.ndarray) -> None:
    """A grey square for each, its lower left corner in `corners` [N, 2]."""
    from matplotlib.collections import PolyCollection

    square = _WIDTH * np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    axes.add_collection(PolyCollection(list(corners[:, None] + square), facecolors="#f4f4f4"))
    axes.set_xlim(0, corners[:, 0].max() + 1)
    axes.set_ylim(corners[:, 1].min(), 1)
    axes.set_axis_off()


def _name(axes: "Axes", moved: Moved) -> None:
    """The names of rows and columns beside the panels, and a box around what is marked."""
    from matplotlib.patches import Rectangle

    for column, text in enumerate(moved.columns):
        axes.text(column + _WIDTH / 2, 1.0, text, ha="center", va="bottom", fontsize=7)
    for row, (text, marked) in enumerate(zip(moved.rows, moved.marked, strict=True)):
        axes.text(-0.1, _WIDTH / 2 - row, text, ha="right", va="center", fontsize=7)
        if marked is not None:
            corner = (marked, -row)
            axes.add_patch(Rectangle(corner, _WIDTH, _WIDTH, fill=False, edgecolor="#d9742b", lw=2))


def _draw_lines(
    axes: "Axes", corners: np.ndarray, values: np.ndarray, colour: str, style: Any
) -> None:
    """In each panel one line, of values [N, T] in [0, 1]; of one time it is level."""
    from matplotlib.collections import LineCollection

    values = np.repeat(values, 2, axis=1) if values.shape[1] == 1 else values
    times = np.broadcast_to(np.linspace(0, 1, values.shape[1]), values.shape)
    lines = corners[:, None] + _WIDTH * np.stack([times, values], axis=-1)
    axes.add_collection(
        LineCollection(list(lines), colors=colour, linestyles=[style], linewidths=1)
    )


def _kept(size: int, columns: int) -> int:
    """How many panels are drawn: whole rows, about 40; of a traversal, all."""
    return size if size <= 2 * _ROWS + columns else columns * (_ROWS // columns)


def _figure(width: float, height: float, title: str) -> "Figure":
    figure = figures.new(width, height)
    figure.suptitle(textwrap.fill(title, int(13 * width)), fontsize=10)
    return figure
