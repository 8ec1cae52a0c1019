"""The page: a run as HTML. Every text from the folder is escaped, every picture is in the page."""

import base64
import html
import math
from importlib import resources
from string import Template
from typing import Any, TypeAlias

from vae_jax.report import chart, numbers
from vae_jax.report.run import Rows, Run, finite, last_watched, progress, scored_at, watched

Table: TypeAlias = list[tuple[str, str]]

_NOT_DRAWN = {"data", "epoch", "step", "seconds", "elbo", "elbo_standard_error"} | {
    "distortion_standard_error"
}
_CURVES = {  # in this order, each with its unit; then whatever else the rows have
    "bound": "nats",
    "fitted_bound": "nats",
    "distortion": "nats",
    "rate": "nats",
    "loss": "nats",
    "learning_rate": "",
    "examples_per_second": "1/s",
}
_FROM_ZERO = {"learning_rate", "examples_per_second"}
_CAPTIONS = {
    "samples": "Samples from the prior",
    "reconstructions": "Test examples, each with its reconstruction",
    "traversal": "The first test example as its most active latents move, one a row",
    "latent_map": "Latents of test examples, in the two directions in which they vary most",
}


def render(run: Run) -> str:
    """The whole page."""
    template = resources.files("vae_jax.report").joinpath("page.html").read_text(encoding="utf-8")
    title = str(run.config.get("config", run.name))
    state = _state(run)
    return Template(template).substitute(
        title=_text(title),
        name=_text(run.name),
        state=_text(state),
        kind="done" if state in ("finished", "stopped early") else "open",
        reload='<meta http-equiv="refresh" content="30">' if state == "running" else "",
        summary=_summary(run),
        numbers=_numbers(run),
        curves=_curves(run),
        pictures=_pictures(run),
        config=_config(run.config),
    )


def _state(run: Run) -> str:
    return str(run.status.get("state") or ("finished" if run.evaluation else "not finished"))


def _summary(run: Run) -> str:
    """How far the run is, and its score: that of the table, or while there is none the curve's."""
    epoch, planned = progress(run)
    far = f"Epoch {epoch:,}" + (f" of {planned:,}" if planned else "")
    row = numbers.headline(run.evaluation)
    if row is None:
        return f"{far}; {_so_far(run)}"
    at = _text(scored_at(run.evaluation, run.status))
    return f"{far}; {row.label} <b>{row.value}</b> nats on the test data, {at}"


def _so_far(run: Run) -> str:
    shown = last_watched(run)
    if shown is None:
        return "not evaluated yet"
    sign, name = (-1, "−ELBO") if shown.name == "elbo" else (1, shown.name)
    score = numbers.with_error(sign * shown.value, shown.standard_error)
    best = ", the best" if shown.chosen else ""
    of = _text(watched(run.config))
    return f"{name} <b>{score}</b> nats on the {of}, epoch {shown.epoch:,}{best}"


def _numbers(run: Run) -> str:
    if not run.evaluation and not _asked_for(run, "score"):
        return '<p class="empty">None were asked for: vae_jax evaluate makes them.</p>'
    if not run.evaluation:
        return '<p class="empty">Still to come: a run is scored when its training has ended.</p>'
    rows, rest = numbers.final({n: v for n, v in run.evaluation.items() if n != "advice"})
    body = "".join(
        f'<tr><th scope="row">{_text(row.label)}</th><td class="value">{_text(row.value)}</td>'
        f"<td>{_text(row.note)}</td></tr>"
        for row in rows
    )
    more = f"<details><summary>All else</summary>{_table(rest)}</details>" if rest else ""
    caption = f"<caption>{_text(_scored(run))}</caption>"
    advice = "".join(
        f'<p class="advice">{_text(str(told))}</p>' for told in _listed(run.evaluation, "advice")
    )
    notes = "".join(f"<p>{_text(str(told))}</p>" for told in _listed(run.config, "notes"))
    return f'{advice}<table class="numbers">{caption}<tbody>{body}</tbody></table>{notes}{more}'


def _scored(run: Run) -> str:
    """Which examples the table is of, and which parameters."""
    count, at = run.evaluation.get("images"), scored_at(run.evaluation, run.status)
    return f"{numbers.number(count)} test examples, {at}" if finite(count) else at.capitalize()


def _listed(content: dict[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []


def _curves(run: Run) -> str:
    keys = {key for rows in (run.train, run.test) for row in rows for key in row}
    held_out_bound = {"bound"} if any("elbo" in row for row in run.test) else set()
    names = [name for name in _CURVES if name in keys | held_out_bound]
    names += sorted(name for name in keys - set(_CURVES) - _NOT_DRAWN if _is_number(run, name))
    if not names:
        return '<p class="empty">Still to come: the first epoch has not ended.</p>'
    of = _text(watched(run.config))
    said = f"Training: the mean of an epoch, while parameters change. The {of}: at its end."
    charts = "".join(_curve(run, name) for name in names)
    return f'<p class="said">{said}</p><div class="charts">{charts}</div>'


def _curve(run: Run, name: str) -> str:
    column, of = ("elbo", "ELBO, ") if name == "bound" else (name, "")
    lines = [
        chart.Line("training", "train", _series(run.train, name)),
        chart.Line(f"{of}{watched(run.config)}", "test", _series(run.test, column)),
    ]
    lines += _baseline(run) if name == "bound" else []
    shown = [line for line in lines if line.points]
    title, unit = name.replace("_", " "), _CURVES.get(name.rpartition("/")[2], "")
    return chart.figure(title, unit, shown, from_zero=name in _FROM_ZERO)


def _baseline(run: Run) -> list[chart.Line]:
    """What independent dimensions have on the test data, from the first epoch to the last."""
    level = numbers.flatten(run.evaluation).get("baselines.independent")
    epochs = [row["epoch"] for row in (*run.train, *run.test) if finite(row.get("epoch"))]
    if not (finite(level) and epochs):
        return []
    ends = [(min(epochs), level), (max(epochs), level)]
    return [chart.Line("without latents, test data", "level", ends)]


def _is_number(run: Run, name: str) -> bool:
    return any(finite(row.get(name)) for rows in (run.train, run.test) for row in rows)


def _series(rows: Rows, name: str) -> chart.Points:
    """(epoch, value), with NaN for what cannot be drawn."""
    there = [row for row in rows if name in row and finite(row.get("epoch"))]
    return [(row["epoch"], row[name] if finite(row[name]) else math.nan) for row in there]


def _pictures(run: Run) -> str:
    if not _asked_for(run, "pictures"):
        return '<p class="empty">None were asked for.</p>'
    if not (run.pictures or run.texts or run.missing):
        return '<p class="empty">Still to come.</p>'
    there = {name: png for name, png in run.pictures.items() if name not in run.missing}
    shown = [*map(_picture, there.items()), *map(_lines_of_text, run.texts.items())]
    shown += [_missing(name, str(why)) for name, why in run.missing.items()]
    return f'<div class="pictures">{"".join(shown)}</div>'


def _asked_for(run: Run, what: str) -> bool:
    training = run.config.get("training")
    return not isinstance(training, dict) or training.get(what) is not False


def _picture(item: tuple[str, bytes]) -> str:
    stem, png = item
    caption = _text(_CAPTIONS.get(stem, stem.replace("_", " ")))
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return (
        f'<figure class="picture"><img alt="{caption}" src="{source}">'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def _missing(name: str, why: str) -> str:
    caption = _text(f"{name.replace('_', ' ')} could not be drawn: {why}")
    return f'<figure class="picture"><figcaption>{caption}</figcaption></figure>\n'


def _lines_of_text(item: tuple[str, str]) -> str:
    stem, text = item
    caption = _text(_CAPTIONS.get(stem, stem.replace("_", " ")))
    return (
        f'<figure class="picture"><pre>{_text(text)}</pre>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )


def _config(config: dict[str, Any]) -> str:
    """Each group of config.json a table, and one of what stands alone."""
    if not config:
        return '<p class="empty">There is no config.json.</p>'
    groups = {key: value for key, value in config.items() if isinstance(value, dict)}
    alone = {key: value for key, value in config.items() if key not in ("config", *groups)}
    tables = [(key, group) for key, group in (*groups.items(), ("run", alone)) if group]
    return "".join(f"<section><h3>{_text(k)}</h3>{_table(_lines(v))}</section>" for k, v in tables)


def _lines(group: dict[str, Any]) -> Table:
    return [
        (key, str(value) if finite(value) else numbers.text_of(value))
        for key, value in numbers.flatten(group).items()
    ]


def _table(rows: Table) -> str:
    body = "".join(
        f'<tr><th scope="row">{_text(key)}</th><td>{_text(value)}</td></tr>' for key, value in rows
    )
    return f"<table><tbody>{body}</tbody></table>"


def _text(text: str) -> str:
    return html.escape(text)
