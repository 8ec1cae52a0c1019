"""The tables of what is fast and what is big."""

from collections.abc import Iterable, Sequence

from experiments.accelerator.markdown import table
from experiments.accelerator.steps import FLAX, OURS, PRODUCTS, TORCH
from experiments.accelerator.task import Json


def fast(items: Json) -> Iterable[str]:
    """Steps, their variants, where their time goes, and the likelihood."""
    others = (FLAX, *TORCH)
    cases = {name: i for name, i in items.items() if "contestants" in i}
    rows = [[name, *_step(i, others)] for name, i in cases.items()]
    yield table(["case", "us a step", "of the limit", *(f"{o}, times" for o in others)], rows)
    more = [[n, *row] for n, i in cases.items() for row in _more(i)]
    yield table(["case", "variant", "us a step", "times a plain step"], more)
    where = {name: i for name, i in items.items() if "kernels_a_step" in i}
    yield table(
        ["us a step", "all", "kernels", "products", "convolutions", "elementwise", "gaps"],
        [[name.removeprefix("where, "), *_where(i)] for name, i in where.items()],
    )
    yield _likelihoods(items)


def big(items: Json) -> Iterable[str]:
    """Batches, and random bits."""
    sizes = {name: i for name, i in items.items() if "images_a_second" in i}
    rows = [[name.rsplit(", ", 1)[0], *_size(i)] for name, i in sizes.items()]
    head = ["images", "batch", "images/s", "GB, the program says", "GB, peak"]
    yield table(head, rows)
    bits = {name: i for name, i in items.items() if "share_of_a_step" in i}
    rows = [
        [name.removeprefix("random bits, "), f"{i['microseconds']['step']:.0f}"]
        + [i.get("drawn", "normals and pixels")]
        + [f"{i['microseconds'][k]:.0f}" for k in ("threefry2x32", "rbg")]
        for name, i in bits.items()
    ]
    yield table(["us", "a step", "what is drawn", "by threefry", "by rbg"], rows)


def _step(item: Json, others: Sequence[str]) -> list[str]:
    found = item["contestants"]
    ours, limit = found[OURS], found[PRODUCTS]
    if "failed" in ours:
        return [ours["failed"], "", *("" for _ in others)]
    share = limit.get("failed") or f"{limit['times_ours']:.0%}"
    theirs = (found.get(name, {"failed": "not run"}) for name in others)
    told = (t.get("failed") or f"{t['times_ours']:.2f}" for t in theirs)
    return [f"{1e6 * ours['seconds']:.0f}", share, *told]


def _more(item: Json) -> Iterable[list[str]]:
    for name, found in item["contestants"].items():
        if name not in (OURS, PRODUCTS, FLAX, *TORCH):
            told = found.get("failed") or f"{1e6 * found['seconds']:.0f}"
            times = found.get("times_ours")
            yield [name.removeprefix(f"{OURS}, "), told, "" if times is None else f"{times:.2f}"]


def _where(item: Json) -> list[str]:
    """Gaps only where the time with the profiler is known, which is that of the kernels."""
    kinds = item["microseconds_by_kind"]
    names = ("products", "convolutions", "elementwise")
    parts = [f"{kinds.get(name, 0.0):.0f}" for name in names]
    told = "microseconds_a_step_with_the_profiler" in item
    gaps = f"{item['gaps']:.0%}" if told else "not told"
    return [f"{item['microseconds_a_step']:.0f}", f"{item['kernels_a_step']:.0f}", *parts, gaps]


def _likelihoods(items: Json) -> str:
    found = {name: i for name, i in items.items() if "importance_samples" in i}
    rows = [[name, i["products"], f"{i['seconds']:.2f}"] for name, i in found.items()]
    if not rows:
        return ""
    first = next(iter(found.values()))
    size = f"{first['images']:,} images, {first['importance_samples']:,} draws"
    return table([f"log p(x) of {size}; images x draws at once", "products", "s"], rows)


def _size(item: Json) -> list[str]:
    peak = f"{item['peak_bytes'] / 1e9:.1f}" if item["peak_bytes"] else ""
    program = f"{item['bytes_of_the_program'] / 1e9:.1f}"
    return [f"{item['batch']:,}", f"{item['images_a_second']:,.0f}", program, peak]
