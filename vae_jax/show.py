"""How examples are shown: images, numbers, tables, series or text, each by two functions.

A `Show` writes a file, and returns its path: it adds the suffix of what it makes. A picture has as
many of the examples as can be looked at, from the first, and says so; a traversal is drawn whole,
and lines of text are written all.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import jax
import numpy as np

from vae_jax import files, panels, plots
from vae_jax.moved import Moved
from vae_jax.types import Array, Event

Examples: TypeAlias = Callable[[Path, Event, int, str], Path]
Cells: TypeAlias = tuple[np.ndarray, list[list[str]]]
Pairs: TypeAlias = Callable[[Path, Event, Event, str], Path]
Moves: TypeAlias = Callable[[Path, Event, Moved, str], Path]

_NEAREST = "nearest to its own value"
_ROWS, _LINES = 40, 100  # of images, tables and panels of series in a picture; of bare numbers


class Show(NamedTuple):
    """What is made of some examples.

    Fields:
      examples: (path, x [N, ...], columns, title) -> the file, N examples in so many columns.
      pairs: (path, x [N, ...], made [N, ...], title) -> the file, under each what was made of it.
      moves: (path, x [R C, ...], moved, title) -> the file of a traversal, whose rows and columns
        have the names of `moved`, and its marked examples a mark.
    """

    examples: Examples
    pairs: Pairs
    moves: Moves


def images(max_value: float = 1.0, ink: bool = True) -> Show:
    """Images [H, W, C] of intensities 0 .. max_value, as a PNG; grey ones as ink on paper, or as
    they are. Channels that are no colours (C is not 1, 3 or 4) are drawn side by side."""

    def unit(x: Event) -> np.ndarray:
        return np.asarray(x, np.float32) / max_value

    def examples(path: Path, x: Event, columns: int, title: str) -> Path:
        x, title = _first(x, _ROWS * columns, title)
        plots.save_images(_ending(path, ".png"), unit(x), columns, title, ink)
        return _ending(path, ".png")

    def pairs(path: Path, x: Event, made: Event, title: str) -> Path:
        (x, made), title = _first((x, made), _ROWS // 2 * plots.ACROSS, title)
        plots.save_reconstructions(_ending(path, ".png"), unit(x), unit(made), title, ink)
        return _ending(path, ".png")

    def moves(path: Path, x: Event, moved: Moved, title: str) -> Path:
        file, columns = _ending(path, ".png"), len(moved.columns)
        plots.save_images(file, unit(x), columns, f"{title}\n(boxed: {_NEAREST})", ink, moved)
        return file

    return Show(examples, pairs, moves)


def numbers() -> Show:
    """Vectors, tables, trees of arrays: a row of colours for each example, as a PNG."""

    def examples(path: Path, x: Event, columns: int, title: str) -> Path:
        del columns
        x, title = _first(x, _LINES, title)
        plots.save_values(_ending(path, ".png"), _rows(x), title)
        return _ending(path, ".png")

    def pairs(path: Path, x: Event, made: Event, title: str) -> Path:
        (x, made), title = _first((x, made), _LINES // 2, title)
        return examples(path, _in_turn(_rows(x), _rows(made)), 2, title)

    def moves(path: Path, x: Event, moved: Moved, title: str) -> Path:
        title = f"{title}\n(*: {_NEAREST})"
        plots.save_values(_ending(path, ".png"), _rows(x), title, moved.each)
        return _ending(path, ".png")

    return Show(examples, pairs, moves)


def table(names: Sequence[str], spell: Callable[[Event], Cells]) -> Show:
    """Rows of a table, as a PNG, its columns named; under each the one that was made of it.

    Args:
      names: of the columns.
      spell: x [N, ...] -> what each cell is coloured by, [N, C], and what is written in it.
    """

    def rows(path: Path, x: Event, together: int, title: str, of_rows: Sequence[str] = ()) -> Path:
        panels.save_table(_ending(path, ".png"), *spell(x), names, title, together, of_rows)
        return _ending(path, ".png")

    def examples(path: Path, x: Event, columns: int, title: str) -> Path:
        x, title = _first(x, _ROWS, title)
        return rows(path, x, columns if columns < len(jax.tree.leaves(x)[0]) else 1, title)

    def pairs(path: Path, x: Event, made: Event, title: str) -> Path:
        (x, made), title = _first((x, made), _ROWS // 2, title)
        return rows(path, jax.tree.map(_in_turn, x, made), 2, title)

    def moves(path: Path, x: Event, moved: Moved, title: str) -> Path:
        return rows(path, x, len(moved.columns), f"{title} (*: {_NEAREST})", moved.each)

    return Show(examples, pairs, moves)


def series(restore: Callable[[Event], np.ndarray]) -> Show:
    """Series as lines, a panel for each, as a PNG; what was made of one is dashed.

    Args:
      restore: x [N, ...] -> [N, T, C], in the units of the file.
    """

    def examples(path: Path, x: Event, columns: int, title: str) -> Path:
        x, title = _first(x, max(1, _ROWS // columns) * columns, title)
        panels.save_series(_ending(path, ".png"), restore(x), None, columns, title)
        return _ending(path, ".png")

    def pairs(path: Path, x: Event, made: Event, title: str) -> Path:
        (x, made), title = _first((x, made), _ROWS, title.replace("under each", "dashed"))
        panels.save_series(_ending(path, ".png"), restore(x), restore(made), 5, title)
        return _ending(path, ".png")

    def moves(path: Path, x: Event, moved: Moved, title: str) -> Path:
        file, columns = _ending(path, ".png"), len(moved.columns)
        panels.save_series(file, restore(x), None, columns, f"{title}\n(boxed: {_NEAREST})", moved)
        return file

    return Show(examples, pairs, moves)


def text(spell: Callable[[Array], str]) -> Show:
    """Lines of a text file, of which each is what `spell` makes of one example."""

    def spelt(x: Event) -> list[str]:
        return [spell(one).replace("\n", "\N{RETURN SYMBOL}") for one in np.asarray(x)]

    def write(path: Path, lines: Sequence[str]) -> Path:
        files.write(_ending(path, ".txt"), ("\n".join(lines) + "\n").encode())
        return _ending(path, ".txt")

    def examples(path: Path, x: Event, columns: int, title: str) -> Path:
        del columns, title
        return write(path, spelt(x))

    def pairs(path: Path, x: Event, made: Event, title: str) -> Path:
        del title
        both = zip(spelt(x), spelt(made), strict=True)
        return write(path, [f"{one}\n{other}\n" for one, other in both])

    def moves(path: Path, x: Event, moved: Moved, title: str) -> Path:
        wide = max(map(len, moved.each))
        lines = [f"{name:{wide}}  {line}" for name, line in zip(moved.each, spelt(x), strict=True)]
        return write(path, [f"{title} (*: {_NEAREST})", *lines])

    return Show(examples, pairs, moves)


def by_shape(ink: bool = True) -> Show:
    """`images` of what has the shape of images, [N, H, W, C], `numbers` of all else."""

    def of(x: Event) -> Show:
        shape: tuple[int, ...] = getattr(x, "shape", ())
        return images(ink=ink) if len(shape) == 4 else numbers()

    return Show(
        lambda path, x, columns, title: of(x).examples(path, x, columns, title),
        lambda path, x, made, title: of(x).pairs(path, x, made, title),
        lambda path, x, moved, title: of(x).moves(path, x, moved, title),
    )


def _first(x: Event, most: int, title: str) -> tuple[Event, str]:
    """So many of the examples, and the title, which says it where there are more."""
    size = len(jax.tree.leaves(x)[0])
    if size <= most:
        return x, title
    return jax.tree.map(lambda leaf: leaf[:most], x), f"{title}; the first {most:,} of {size:,}"


def _rows(x: Event) -> np.ndarray:
    """[N, D], the arrays of an event side by side."""
    leaves = [np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(x)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _in_turn(x: Array | np.ndarray, made: Array | np.ndarray) -> np.ndarray:
    """[2 N, ...]: after each what was made of it."""
    both = np.stack([np.asarray(x), np.asarray(made)], axis=1)
    return both.reshape(-1, *both.shape[2:])


def _ending(path: Path, suffix: str) -> Path:
    """With the suffix added, where it is not there: a name may have points in it."""
    return path if path.suffix == suffix else path.with_name(path.name + suffix)
