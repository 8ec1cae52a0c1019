"""What was found, as Markdown: the tables of docs/accelerators.md."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from experiments.accelerator import tables_of_speed as speed
from experiments.accelerator.markdown import bullets, table
from experiments.accelerator.task import Json, path_of, runs_of

_PARTS = ("right", "published", "fast", "big")


def all_of(out: Path) -> str:
    """What was found of each part, or that it was not run."""
    return "\n\n".join(of_part(out, part) for part in _PARTS)


def of_part(out: Path, part: str) -> str:
    """Of each card what was found, by which runs, and what the last of them has left out."""
    by_card: dict[str, list[Json]] = {}
    for run in runs_of(path_of(out, part)):
        if not run["dry"]:
            by_card.setdefault(run["card"]["kind"], []).append(run)
    found = [_of_card(part, runs) for runs in by_card.values()]
    return "\n\n".join(found) or f"{part}: not run."


def _of_card(part: str, runs: Sequence[Json]) -> str:
    """Each item as the last run that has it says; one that failed only where none has it."""
    by_name: dict[str, Json] = {}  # the run that an item is of
    for run in runs:
        for name, item in run["items"].items():
            if name not in by_name or "failed" not in item or _failed(by_name[name], name):
                by_name[name] = run
    items = {name: run["items"][name] for name, run in by_name.items()}
    left_out = {n: why for n, why in runs[-1]["left_out"].items() if n not in items}
    left_out |= {name: item["failed"] for name, item in items.items() if "failed" in item}
    good = {name: item for name, item in items.items() if "failed" not in item}
    tables = {"right": _right, "published": _published, "fast": speed.fast, "big": speed.big}
    shown = [*tables[part](good), bullets("Left out", _by_reason(left_out))]
    return "\n\n".join(filter(None, [_made_by(runs, by_name), *shown]))


def _by_reason(left_out: Mapping[str, str]) -> Iterable[str]:
    names: dict[str, list[str]] = {}
    for name, why in left_out.items():
        names.setdefault(why, []).append(name)
    return (f"{', '.join(of)}: {why}" for why, of in names.items())


def _failed(run: Json, name: str) -> bool:
    return "failed" in run["items"][name]


def _made_by(runs: Sequence[Json], by_name: Mapping[str, Json]) -> str:
    """The runs; and which items each of them has, where there are several."""
    if len(runs) == 1:
        return _on(runs[0])
    of = {id(run): [name for name, its in by_name.items() if its is run] for run in runs}
    lines = [f"{_on(run)[:-1]}: {'; '.join(of[id(run)])}" for run in runs if of[id(run)]]
    return bullets("Runs", lines)


def _on(run: Json) -> str:
    card, versions = run["card"], run["versions"]
    driver = f" ({card['driver']})" if card["driver"] else ""
    about = f"jax {versions['jax']}, {run['date'][:10]}, commit {run['commit']}"
    return f"{card['kind']}{driver}, {about}."


def _right(items: Json) -> Iterable[str]:
    if "oracle" in items:
        found = items["oracle"]
        rows = [
            [name, *(f"{found[p][name]['largest']:.1e}" for p in ("default", "highest"))]
            for name in found["default"]
        ]
        yield table(["largest error of a bound, nats", "default products", "highest"], rows)
    if "order of the bounds" in items:
        found = items["order of the bounds"]
        values = [f"{mean:.3f}" for mean in found["means"]]
        yield table(["mean, nats", *found["names"]], [["", *values]])
    if "precision" in items:
        yield _precision(items["precision"]["default"])
    yield table(_BITS, [row for name, item in items.items() for row in _bits(name, item)])


def _precision(found: Json) -> str:
    rows = [
        [
            name.replace("_", " "),
            f"{part['mean']:.3f}",
            f"{part['mean_difference']:+.1e} ± {part['standard_error']:.0e}",
            f"{part['largest_difference']:.1e}",
        ]
        for name, part in found.items()
    ]
    head = ["default products, nats", "mean", "less that of highest", "largest, of an image"]
    return table(head, rows)


_BITS = ["bits", "flags", "us a step", "in a process", "in another", "resumed"]


def _bits(name: str, item: Json) -> Iterable[list[str]]:
    case = name.removeprefix("bits, ")
    for flags in ("as it is", "deterministic") if case != name else ():
        found = item[flags]
        if "failed" in found:
            yield [case, flags, found["failed"], "", "", ""]
        else:
            equal = (found[f"equal_{k}"] for k in ("in_a_process", "in_another", "when_resumed"))
            told = ("equal" if same else "differ" for same in equal)
            seconds = found["seconds_a_step"]
            yield [case, flags, f"{1e6 * seconds:.0f}" if seconds else "", *told]


def _published(items: Json) -> Iterable[str]:
    rows = [
        [
            name,
            ", ".join(f"{nll:.2f}" for nll in i["negative_log_likelihood"]),
            f"{i['microseconds_a_step']:.0f}",
            f"{i['training_seconds']:.0f}",
            f"{i['scoring_seconds']:.0f}",
        ]
        for name, i in items.items()
    ]
    head = ["row", "-log p(x), nats, a seed each", "us a step of all seeds", "training, s"]
    yield table([*head, "scoring of all seeds, s"], rows)
