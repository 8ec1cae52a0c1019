"""The file of a benchmark's results, and what was measured against what."""

import datetime
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks.machine import machine
from vae_jax.runs.circumstances import circumstances

_VERSIONS = "import importlib.metadata as m; print(m.version('torch'), m.version('pythae'))"


def save(out: Path, module: str, result: dict[str, Any]) -> None:
    """Write a result as JSON, with the command that made it, the date and the circumstances.
    Where the data lie on this machine is nobody's business."""
    given = ["FOLDER" if Path(one).is_absolute() else one for one in sys.argv[1:]]
    command = shlex.join(["python", "-m", f"experiments.benchmarks.{module}", *given])
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    about = {"date": date, "machine": machine(), "circumstances": circumstances()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        json.dumps({"command": command, **result, **about}, indent=2) + "\n", encoding="utf-8"
    )


def measured(
    out: Path,
    module: str,
    known: Sequence[str],
    wanted: Sequence[str],
    measure: Callable[[str], dict[str, Any]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Measure rows of a table by their names, by default all that are known; each is saved with
    those that were kept before, in the order of the table."""
    kept = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else {}
    for name in wanted or known:
        kept[name] = measure(name)
        save(out, module, {"rows": {row: kept[row] for row in known if row in kept}})
        yield name, kept[name]


def versions(peers: str | None) -> dict[str, str] | None:
    """The versions of PyTorch and Pythae under the peers' Python; None without one."""
    if peers is None:
        return None
    asked = subprocess.run([peers, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    return dict(zip(("torch", "pythae"), asked.stdout.split(), strict=True))
