"""A chart of lines by epoch, as inline SVG; its colours come from the style of the page."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple, TypeAlias

from vae_jax.report.numbers import number

Points: TypeAlias = Sequence[tuple[float, float]]  # (epoch, value); NaN leaves a gap in the line

_WIDTH, _HEIGHT = 360, 224
_LEFT, _TOP, _RIGHT, _BOTTOM = 58, 22, 14, 38  # around the plot
_W, _H, _INSET = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM, 8
_LONG = 7  # more characters than that are squeezed to fit beside the plot
_STRETCHES = 300  # a long line is thinned to the lowest and the highest point of so many
_RANKED = 5  # a line of fewer points is shown whole
_DOTTED = 40  # a line of so few points shows each


class Line(NamedTuple):
    """A line: its name in the legend, its class in the style, its points.

    One of the class "level" is what the others stand beside: dashed, and without dots.
    """

    label: str
    kind: str
    points: Points


class Axis(NamedTuple):
    """The numbers from low to high, on so many pixels; both ends a little inside."""

    low: float
    high: float
    pixels: float

    def place(self, value: float) -> float:
        """How many pixels from the low end a value is."""
        share = (value - self.low) / (self.high - self.low)
        return round(_INSET + share * (self.pixels - 2 * _INSET), 1)

    def ticks(self, smallest: float = 0.0) -> list[tuple[float, str]]:
        """Some three to six round numbers, and how they are written."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = max(smallest, power * next(m for m in (1, 2, 5, 10) if m * power >= 0.999 * rough))
        whole = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        return [(n * step, _written(n * step, step)) for n in whole]


def figure(title: str, unit: str, lines: Sequence[Line], from_zero: bool = False) -> str:
    """A chart with its legend, which gives the last value of each line."""
    shown = [line for line in lines if _finite(line.points)]
    if all(line.kind == "level" for line in shown):
        return _framed(title, '<p class="empty">no number to draw</p>', "")
    y = _y_axis(shown, from_zero)
    ends = [(line, escape(line.label), number(_finite(line.points)[-1][1])) for line in shown]
    legend = [f'<span class="key {line.kind}">{label} <b>{v}</b></span>' for line, label, v in ends]
    spoken = f"{escape(title)} by epoch{', in ' * bool(unit)}{escape(unit)}; at the end "
    spoken += ", ".join(f"{label} {value}" for _, label, value in ends)
    return _framed(title, _svg(spoken, unit, shown, y), "".join(legend) + _left_out(lines, y))


def _framed(title: str, drawing: str, caption: str) -> str:
    caption = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f'<figure class="chart"><h3>{escape(title)}</h3>{drawing}{caption}</figure>\n'


def _svg(spoken: str, unit: str, lines: Sequence[Line], y: Axis) -> str:
    x = _x_axis([epoch for line in lines for epoch, _ in _finite(line.points)])
    drawn = "".join(_line(line, x, y) for line in lines if not _is_off(line, y))
    return (
        f'<svg role="img" aria-label="{spoken}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f"{_y_labels(y)}{_x_labels(x)}"
        f'<text x="{_LEFT - 8}" y="12" text-anchor="end">{escape(unit)}</text>'
        f'<text x="{_LEFT + _W / 2}" y="{_HEIGHT - 3}" text-anchor="middle">epoch</text>'
        f'<svg x="{_LEFT}" y="{_TOP}" width="{_W}" height="{_H}">{drawn}</svg></svg>'
    )


def _y_labels(y: Axis) -> str:
    rows = [(_TOP + _H - y.place(value), text) for value, text in y.ticks()]
    return "".join(
        f'<path class="grid" d="M{_LEFT},{top:.1f}h{_W}"/>'
        f'<text x="{_LEFT - 8}" y="{top + 4:.1f}" text-anchor="end"{_squeezed(text)}>{text}'
        "</text>"
        for top, text in rows
    )


def _squeezed(text: str) -> str:
    long = f' textLength="{_LEFT - 10}" lengthAdjust="spacingAndGlyphs"'
    return long if len(text) > _LONG else ""


def _x_labels(x: Axis) -> str:
    return f'<path class="axis" d="M{_LEFT},{_TOP + _H}h{_W}"/>' + "".join(
        f'<text x="{_LEFT + x.place(epoch):.1f}" y="{_TOP + _H + 17}" text-anchor="middle">'
        f"{text}</text>"
        for epoch, text in x.ticks(smallest=1.0)
    )


def _line(line: Line, x: Axis, y: Axis) -> str:
    kept = [(x.place(e), round(_H - y.place(v), 1)) for e, v in _thinned(line.points)]
    path, pen = "", "M"
    for left, top in kept:
        missing = math.isnan(top)
        path += "" if missing else f"{pen}{left:g},{top:g}" + ("h0" if pen == "M" else "")
        pen = "M" if missing else "L"
    dots = "".join(f'<circle cx="{left:g}" cy="{top:g}" r="3"/>' for left, top in _finite(kept))
    few = dots if len(kept) <= _DOTTED and line.kind != "level" else ""
    return f'<g class="line {line.kind}"><path d="{path}"/>{few}</g>'


def _thinned(points: Points) -> list[tuple[float, float]]:
    """At most two points for each stretch of a line, such that no peak is lost."""
    size, kept = -(-len(points) // _STRETCHES), []
    for start in range(0, len(points), max(1, size)):
        stretch = _finite(points[start : start + size])
        ends = {choose(stretch, key=lambda p: p[1]) for choose in (min, max) if stretch}
        kept += sorted(ends) or [points[start]]
    return kept


def _finite(points: Points) -> list[tuple[float, float]]:
    return [point for point in points if math.isfinite(point[1])]


def _x_axis(epochs: list[float]) -> Axis:
    low, high = min(epochs), max(epochs)
    around = 0.0 if low < high else max(1.0, 1e-9 * abs(low))
    return Axis(low - around, high + around, _W)


def _y_axis(lines: Sequence[Line], from_zero: bool) -> Axis:
    """From the lowest to the highest value; see `_readable` for what is left out, `_beside` for the
    levels."""
    levels = [value for line in lines if line.kind == "level" for _, value in line.points]
    curves = [_finite(line.points) for line in lines if line.kind != "level"]
    every = [value for points in curves for _, value in points] or levels
    low, high = min(every), max(every)
    if from_zero:
        low, high = min(0.0, low), max(0.0, high)
    else:
        low, high = _beside(*_readable(curves, low, high), levels)
    if high - low > max(1e-300, 1e-9 * abs(low), 1e-9 * abs(high)):
        return Axis(low, high, _H)
    around = 0.1 * abs(low) or 1.0  # of a line that stays where it is
    return Axis(low - around, high + around, _H)


def _readable(curves: Sequence[Points], low: float, high: float) -> tuple[float, float]:
    """An axis without the tenth of each line that is lowest, or highest, where that would take more
    than three times what all else takes: a steep fall in the first epochs flattens the rest."""
    ranked = [sorted(value for _, value in points) for points in curves if points]
    tenths = [-(-len(values) // 10) if len(values) >= _RANKED else 0 for values in ranked]
    cut = list(zip(ranked, tenths, strict=True))
    least = min((values[tenth] for values, tenth in cut), default=low)
    most = max((values[-1 - tenth] for values, tenth in cut), default=high)
    rest = most - least
    near = [v for values in ranked for v in values if least - rest <= v <= most + rest]
    if rest > 0 and least - low > 3 * rest:
        low = min(near)
    if rest > 0 and high - most > 3 * rest:
        high = max(near)
    return low, high


def _beside(low: float, high: float, levels: Sequence[float]) -> tuple[float, float]:
    """The axis with the levels on it, those that are no further from it than it is long."""
    near = [level for level in levels if 2 * low - high <= level <= 2 * high - low]
    return min([low, *near]), max([high, *near])


def _left_out(lines: Sequence[Line], y: Axis) -> str:
    """What the axes do not show, in words."""
    points = [point for line in lines if line.kind != "level" for point in line.points]
    outside = [epoch for epoch, value in points if value < y.low or value > y.high]
    missing = sum(math.isnan(value) for _, value in points)
    notes = [
        f"{count:,} of {len(points):,} values {what}"
        for count, what in (
            (len(outside), f"beyond the axis{_when(outside)}"),
            (missing, "not finite"),
        )
        if count
    ]
    notes += [f"{line.label} beyond the axis" for line in lines if _is_off(line, y)]
    return f'<span class="note">{escape(", ".join(notes))}</span>' if notes else ""


def _is_off(line: Line, y: Axis) -> bool:
    """Whether it is a level that is not on the axis."""
    return line.kind == "level" and not y.low <= line.points[0][1] <= y.high


def _when(epochs: Sequence[float]) -> str:
    """The first and the last of them."""
    if not epochs:
        return ""
    ends = [number(int(epoch)) for epoch in (min(epochs), max(epochs))]
    return f" (epoch {ends[0]})" if ends[0] == ends[1] else f" (epochs {ends[0]} to {ends[1]})"


def _written(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    plain = places <= 6 and abs(value) < 1e6
    text = f"{value:,.{places}f}" if plain else f"{value:.3g}"
    return text.replace("-", "−")
