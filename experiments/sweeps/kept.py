"""What is kept of a sweep: its numbers, a table of them, and pictures."""

import datetime
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.sweeps.training import Point
from vae_jax import figures, plots
from vae_jax.runs.circumstances import circumstances

_HEAD = "-ELBO | distortion | rate | I(n; z) | KL(q(z) to p(z)) | active units |"
Json = dict[str, Any]


def write(folder: Path, name: str, options: str, points: Sequence[Any], seconds: float) -> None:
    """Write what was found as JSON, with the command that finds it and the circumstances."""
    result: Json = {
        "command": f"python -m experiments.sweeps.{name} {options}",
        "points": points,
        "seconds": round(seconds, 1),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        **circumstances(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def options(**given: Any) -> str:
    """As the command line takes them: values, tuples of them, and records."""
    return " ".join(line for name, value in given.items() for line in _spelt(name, value))


def load(path: Path) -> list[Point]:
    """The numbers of a sweep."""
    return [Point(**p) for p in json.loads(path.read_text(encoding="utf-8"))["points"]]


def table(label: str, points: Sequence[Point]) -> str:
    """A row for each member, as Markdown; nats."""
    head = f"| {label} | {_HEAD}"
    return "\n".join([head, "|" + " --- |" * (head.count("|") - 1), *map(_line, points)])


def draw(path: Path, label: str, points: Sequence[Point]) -> None:
    """The distortion over the rate; active units, and what z tells, by the hyperparameter."""
    figure = figures.new(width=11, height=3.4)
    scale = "symlog" if max(p.rate for p in points) > 10 else "linear"
    curve, units, told = figure.subplots(1, 3)
    curve.plot([p.rate for p in points], [p.distortion for p in points], "o-", ms=4)
    for place, label_there in labels(points).items():
        curve.annotate(label_there, place, (4, 4), textcoords="offset points")
    curve.set(xscale=scale, xlabel="rate, nats", ylabel="distortion, nats")
    curve.margins(0.15)
    curve.xaxis.set_major_formatter("{x:g}")  # figures have words, not formulas
    names, places = [f"{p.value:g}" for p in points], range(len(points))
    units.bar(places, [p.active for p in points])
    units.set(ylabel="active units")
    told.plot(places, [p.information for p in points], "o-", ms=4, label="I(n; z)")
    told.plot(places, [p.rate for p in points], "o-", ms=4, label="rate")
    N = points[0].examples
    told.axhline(math.log(N), color="grey", ls="--", lw=1, label=f"log {N}")
    told.set(yscale=scale, ylabel="nats", ylim=(0, None))
    told.yaxis.set_major_formatter("{x:g}")
    told.legend(frameon=False, fontsize=8)
    for axes in (units, told):
        axes.set_xticks(places, names, fontsize=8)
        axes.set_xlabel(label)
    for axes in (curve, units, told):
        axes.spines[["top", "right"]].set_visible(False)
    figures.save(figure, path)


def draw_samples(path: Path, label: str, values: Sequence[float], rows: Sequence[Any]) -> None:
    """A row of images for each member, [n, 8, 8, 1] each."""
    title = f"Samples from the prior, the mean of p(x|z);\n{label} from above: "
    title += ", ".join(f"{value:g}" for value in values)
    plots.save_images(path, np.concatenate(rows), len(rows[0]), title)


def cells(p: Point) -> str:
    """The numbers of a row of a table, but for its first."""
    numbers = [
        f"{-p.elbo:.2f} ± {p.elbo_standard_error:.2f}",
        f"{p.distortion:.2f}",
        f"{p.rate:.2f}",
        f"{p.information:.2f} ± {p.information_standard_error:.2f}",
        f"{p.marginal_kl:.2f}",
        f"{p.active}",
    ]
    return " | ".join(numbers)


def labels(points: Sequence[Point]) -> dict[tuple[float, float], str]:
    """What is written beside each place of a curve, (rate, distortion): the values of all members
    that are there, to a hundredth of the curve's size."""
    sizes = [np.ptp([getattr(p, axis) for p in points]) / 100 for axis in ("rate", "distortion")]
    found: dict[tuple[float, float], str] = {}
    for p in points:
        near = [
            place
            for place in found
            if abs(place[0] - p.rate) <= sizes[0] and abs(place[1] - p.distortion) <= sizes[1]
        ]
        place = near[0] if near else (p.rate, p.distortion)
        found[place] = f"{found[place]}, {p.value:g}" if near else f"{p.value:g}"
    return found


def _line(p: Point) -> str:
    return f"| {p.value:g} | {cells(p)} |"


def _spelt(name: str, value: Any) -> list[str]:
    if hasattr(value, "_asdict"):
        parts = value._asdict().items()
        return [line for own, part in parts for line in _spelt(f"{name}.{own}", part)]
    values = value if isinstance(value, tuple) else (value,)
    return [f"--{name.replace('_', '-')} {' '.join(map(str, values))}"]
