"""What was found, as Markdown: the tables of docs/accelerators.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from experiments.accelerator.fast import FLAX, OURS, PRODUCTS, TORCH
from experiments.accelerator.task import Json, path_of, runs_of

_PARTS = ("right", "published", "fast", "big")


def all_of(out: Path) -> str:
    """The last run of each part, or that there is none."""
    return "\n\n".join(of_part(out, part) for part in _PARTS)


def of_part(out: Path, part: str) -> str:
    """The last run of a part: on what, what was found, what was left out."""
    runs = [run for run in runs_of(path_of(out, part)) if not run["dry"]]
    if not runs:
        return f"{part}: not run."
    run = runs[-1]
    tables = {"right": _right, "published": _published, "fast": _fast, "big": _big}
    failed = [f"{name}: {i['failed']}" for name, i in run["items"].items() if "failed" in i]
    left_out = [f"{name}: {why}" for name, why in run["left_out"].items()]
    return "\n\n".join(
        [_on(run), *tables[part](run["items"]), *_list("Left out", left_out + failed)]
    )


def _on(run: Json) -> str:
    card, versions = run["card"], run["versions"]
    driver = f" ({card['driver']})" if card["driver"] else ""
    about = f"jax {versions['jax']}, {run['date'][:10]}, commit {run['commit']}"
    return f"{card['kind']}{driver}, {about}."


def _right(items: Json) -> Iterable[str]:
    if "failed" not in items.get("oracle", {"failed": ""}):
        rows = [
            [name, *(f"{items['oracle'][p][name]['largest']:.1e}" for p in ("default", "highest"))]
            for name in items["oracle"]["default"]
        ]
        yield _table(["largest error of a bound, nats", "default products", "highest"], rows)
    if "failed" not in items.get("order of the bounds", {"failed": ""}):
        found = items["order of the bounds"]
        values = [f"{mean:.3f}" for mean in found["means"]]
        yield _table(["mean, nats", *found["names"]], [["", *values]])
    if "failed" not in items.get("precision", {"failed": ""}):
        found = items["precision"]["default"]
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
        yield _table(head, rows)
    if "failed" not in items.get("bits", {"failed": ""}):
        yield _table(_BITS, [row for n, case in items["bits"].items() for row in _bits(n, case)])


_BITS = ["bits", "flags", "us a step", "in a process", "in another", "resumed"]


def _bits(name: str, case: object) -> Iterable[list[str]]:
    for flags in ("as it is", "deterministic") if isinstance(case, dict) else ():
        found = case[flags]  # type: ignore[index]
        if "failed" in found:
            yield [name, flags, found["failed"], "", "", ""]
        else:
            equal = (found[f"equal_{k}"] for k in ("in_a_process", "in_another", "when_resumed"))
            told = ("equal" if same else "differ" for same in equal)
            yield [name, flags, f"{1e6 * found['seconds_a_step']:.0f}", *told]


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
        if "failed" not in i
    ]
    head = ["row", "-log p(x), nats, a seed each", "us a step of all seeds", "training, s"]
    yield _table([*head, "scoring of all seeds, s"], rows)


def _fast(items: Json) -> Iterable[str]:
    others = (FLAX, *TORCH)
    cases = {name: i for name, i in items.items() if "contestants" in i}
    rows = [[name, *_step(i, others)] for name, i in cases.items()]
    yield _table(["case", "us a step", "of the limit", *(f"{o}, times" for o in others)], rows)
    more = [[n, *row] for n, i in cases.items() for row in _more(i)]
    yield _table(["case", "variant", "us a step", "times a plain step"], more)
    where = {name: i for name, i in items.items() if "kernels_a_step" in i}
    yield _table(
        ["us a step", "all", "kernels", "products", "convolutions", "elementwise", "gaps"],
        [[name.removeprefix("where, "), *_where(i)] for name, i in where.items()],
    )
    if "rows" in items.get("likelihood", {}):
        found = items["likelihood"]
        rows = [[r["contestant"], r["products"], f"{r['seconds']:.2f}"] for r in found["rows"]]
        size = f"{found['images']:,} images, {found['importance_samples']:,} draws"
        yield _table([f"log p(x) of {size}; images x draws at once", "products", "s"], rows)


def _step(item: Json, others: Sequence[str]) -> list[str]:
    found = item["contestants"]
    ours, limit = found[OURS], found[PRODUCTS]
    if "failed" in ours:
        return [ours["failed"], "", *("" for _ in others)]
    share = "" if "failed" in limit else f"{limit['times_ours']:.0%}"
    theirs = (found.get(name, {"failed": "not run"}) for name in others)
    told = (t.get("failed") or f"{t['times_ours']:.2f}" for t in theirs)
    return [f"{1e6 * ours['seconds']:.0f}", share, *told]


def _more(item: Json) -> Iterable[list[str]]:
    for name, found in item["contestants"].items():
        if name not in (OURS, PRODUCTS, FLAX, *TORCH):
            told = found.get("failed") or f"{1e6 * found['seconds']:.0f}"
            times = "" if "failed" in found else f"{found['times_ours']:.2f}"
            yield [name.removeprefix(f"{OURS}, "), told, times]


def _where(item: Json) -> list[str]:
    kinds = item["microseconds_by_kind"]
    names = ("products", "convolutions", "elementwise")
    parts = [f"{kinds.get(name, 0.0):.0f}" for name in names]
    return [
        f"{item['microseconds_a_step']:.0f}",
        f"{item['kernels_a_step']:.0f}",
        *parts,
        f"{item['gaps']:.0%}",
    ]


def _big(items: Json) -> Iterable[str]:
    sizes = {name: i for name, i in items.items() if "images_a_second" in i}
    rows = [[name.rsplit(", ", 1)[0], *_size(i)] for name, i in sizes.items()]
    yield _table(["images", "batch", "images/s", "GB, the program says", "GB, peak"], rows)
    bits = {name: i for name, i in items.items() if "share_of_a_step" in i}
    rows = [
        [name.removeprefix("random bits, "), f"{i['microseconds']['step']:.0f}"]
        + [f"{i['microseconds'][k]:.0f}" for k in ("threefry2x32", "rbg")]
        for name, i in bits.items()
    ]
    yield _table(["us", "a step", "what it draws, by threefry", "by rbg"], rows)


def _size(item: Json) -> list[str]:
    peak = f"{item['peak_bytes'] / 1e9:.1f}" if item["peak_bytes"] else ""
    program = f"{item['bytes_of_the_program'] / 1e9:.1f}"
    return [f"{item['batch']:,}", f"{item['images_a_second']:,.0f}", program, peak]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return ["\n".join([f"{title}:", "", *(f"- {line}" for line in lines)])] if lines else []
