"""The page: a run as HTML. Every text from the folder is escaped, every picture is in the page."""

import base64
import html
import math
from importlib import resources
from string import Template
from typing import Any, TypeAlias

from vae_jax.report import chart, numbers
from vae_jax.report.run import Rows, Run, finite, held_out, progress, scored_at

Table: TypeAlias = list[tuple[str, str]]

_NOT_DRAWN = {"data", "epoch", "step", "seconds", "elbo", "elbo_standard_error"} | {
    "distortion_standard_error"
}
_CURVES = {  # in this order, each with its unit; then whatever else the rows have
    "bound": "nats",
    "distortion": "nats",
    "rate": "nats",
    "loss": "nats",
    "learning_rate": "",
    "examples_per_second": "1/s",
}
_FROM_ZERO = {"learning_rate", "examples_per_second"}
_CAPTIONS = {
    "samples": "Samples from the prior",
    "reconstructions": "Held-out examples and their reconstructions",
    "traversal": "Traversals of the most active latents",
    "latent_map": "Latents of held-out examples, coloured by label",
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
    """How far the run is, and its held-out score."""
    epoch, planned = progress(run)
    parts = [f"Epoch {epoch:,}" + (f" of {planned:,}" if planned else "")]
    shown = held_out(run)
    if shown is None:
        parts.append("no held-out score yet")
    else:
        score = numbers.with_error(shown.value, shown.standard_error)
        which = "best held-out" if shown.chosen else "held-out"
        name = "ELBO" if shown.name == "elbo" else shown.name
        parts.append(f"{which} {name} <b>{score}</b> nats at epoch {shown.epoch:,}")
    return "; ".join(parts)


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
    caption = f"<caption>{_text(scored_at(run.evaluation, run.status).capitalize())}</caption>"
    advice = "".join(f"<p>{_text(str(told))}</p>" for told in _listed(run.evaluation, "advice"))
    return f'<table class="numbers">{caption}<tbody>{body}</tbody></table>{advice}{more}'


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
    return f'<div class="charts">{"".join(_curve(run, name) for name in names)}</div>'


def _curve(run: Run, name: str) -> str:
    column = "elbo" if name == "bound" else name
    lines = [
        chart.Line("training", "train", _series(run.train, name)),
        chart.Line("held out", "test", _series(run.test, column)),
    ]
    shown = [line for line in lines if line.points]
    title, unit = name.replace("_", " "), _CURVES.get(name.rpartition("/")[2], "")
    return chart.figure(title, unit, shown, from_zero=name in _FROM_ZERO)


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
    caption = _text(stem.replace("_", " "))
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
