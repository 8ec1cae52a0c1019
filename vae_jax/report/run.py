"""What a run folder holds, read as it is: files may be missing, or half-written by a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeGuard

Rows: TypeAlias = Sequence[dict[str, Any]]

_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_FIRST = ("samples", "reconstructions", "traversal", "latent_map")  # in this order; then the others


class Run(NamedTuple):
    """A run, as far as it has come; what is not there yet is empty."""

    name: str
    config: dict[str, Any]
    status: dict[str, Any]
    evaluation: dict[str, Any]
    train: Rows
    test: Rows
    pictures: dict[str, bytes]  # PNG files by stem
    texts: dict[str, str]  # samples and reconstructions of a model of text
    missing: dict[str, Any]  # pictures that could not be drawn: why


class Score(NamedTuple):
    """A point of the curve: of the parameters that were chosen by it, or the last one."""

    chosen: bool
    epoch: int
    name: str  # "elbo", or "distortion" where there is no bound
    value: float
    standard_error: float | None  # over the examples, if a row has it


def read(folder: Path) -> Run:
    """The run in a folder."""
    rows = _rows(folder / "metrics.jsonl")
    return Run(
        name=folder.resolve().name,
        config=_object(folder / "config.json"),
        status=_object(folder / "status.json"),
        evaluation=_object(folder / "evaluation.json"),
        train=[row for row in rows if row.get("data") == "train"],
        test=[row for row in rows if row.get("data") == "held_out"],
        pictures=_pictures(folder / "pictures"),
        missing=_object(folder / "pictures" / "missing.json"),
        texts={p.stem: _text(p) for p in _regular(folder / "pictures", "*.txt")},
    )


def finite(value: object) -> TypeGuard[float]:
    """Whether it is a number that can be drawn: not a NaN, an infinity, a truth value, or None."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e100


def progress(run: Run) -> tuple[int, int | None]:
    """The last epoch with a row, and how many there are to be, if that is known."""
    parts = (run.status, run.config.get("training"), run.config.get("options"))
    planned = [part.get("epochs") for part in parts if isinstance(part, dict)]
    epochs = [row["epoch"] for row in (run.status, *run.train) if finite(row.get("epoch"))]
    return int(max(epochs, default=0)), next((int(n) for n in planned if finite(n)), None)


def scored_at(evaluation: dict[str, Any], status: dict[str, Any]) -> str:
    """Of which epoch's parameters an evaluation is: whether they were chosen, and where it is of
    others than the run has now, that too."""
    epoch, now, best = evaluation.get("epoch"), status.get("epoch"), status.get("best_epoch")
    if not finite(epoch):
        return "of an epoch that is not known"
    if epoch == best:
        return f"epoch {epoch:,}, the best on the examples set aside"
    if epoch == now or not finite(now):
        return f"epoch {epoch:,}"
    return f"epoch {epoch:,}; the run is at epoch {now:,} now"


def watched(config: dict[str, Any]) -> str:
    """What the curve of a run is of."""
    training = config.get("training")
    number = training.get("hold_out") if isinstance(training, dict) else 0
    return evaluated_on(int(number) if finite(number) else 0)


def evaluated_on(set_aside: int) -> str:
    """The data that epochs are evaluated on: training examples that were set aside, or, where none
    were, the test data."""
    return f"{set_aside:,} examples set aside" if set_aside else "test data"


def last_watched(run: Run) -> Score | None:
    """The point of the curve that status.json says was chosen; where none was, the last."""
    name = "elbo" if any("elbo" in row for row in run.test) else "distortion"
    rows = [row for row in run.test if finite(row.get(name)) and finite(row.get("epoch"))]
    told = [row for row in rows if row["epoch"] == run.status.get("best_epoch")]
    if not rows:
        return None
    row = (told or rows)[-1]
    return Score(bool(told), row["epoch"], name, row[name], row.get(f"{name}_standard_error"))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [row for row in map(_parsed, _text(path).splitlines()) if row]


def _object(path: Path) -> dict[str, Any]:
    return _parsed(_text(path))


def _parsed(text: str) -> dict[str, Any]:
    """The JSON object in a text; an empty one for anything else, such as half of one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _pictures(folder: Path) -> dict[str, bytes]:
    """The whole PNG files of a folder; not the curves, which the page draws itself."""
    rank = {stem: n for n, stem in enumerate(_FIRST)}
    paths = _regular(folder, "*.png")
    paths = sorted(paths, key=lambda p: (rank.get(p.stem, len(rank)), p.stem))
    files = {path.stem: _content(path) for path in paths if path.stem != "curves"}
    return {k: v for k, v in files.items() if v.startswith(_PNG) and v.endswith(_PNG_END)}


def _regular(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder itself: no folders, and no links, which lead to anywhere."""
    return [path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink()]


def _text(path: Path) -> str:
    """A file as UTF-8, with marks for what is none."""
    return _content(path).decode(errors="replace")


def _content(path: Path) -> bytes:
    """Of a file; nothing where there is none, or it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
