"""Tables and lists, as Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; "" of no rows."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def bullets(title: str, lines: Iterable[str]) -> str:
    """A list under its title; "" of no lines."""
    listed = [f"- {line}" for line in lines]
    return "\n".join([f"{title}:", "", *listed]) if listed else ""
