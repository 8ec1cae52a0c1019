"""What a part is told, and the file in which it keeps what it has found."""

import datetime
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from experiments.benchmarks.contest import reason
from vae_jax.runs import folder as files
from vae_jax.runs.circumstances import circumstances

Json = dict[str, Any]
PROGRAM = "python -m experiments.accelerator"


class Task(NamedTuple):
    """What a part is told.

    Fields:
      raw: the folder of the raw files, which has mnist and static_mnist.
      out: the folder of the results.
      runs: the folder of what was begun, and of compiled programs.
      until: when to end, in seconds of `time.time`.
      minutes: of the whole command.
      dry: whether to do all of it in tiny sizes.
      commit: of the code, where the repository around it, if any, is not its own.
    """

    raw: str
    out: str
    runs: str
    until: float
    minutes: float
    dry: bool = False
    commit: str | None = None

    def left(self) -> float:
        """Seconds."""
        return self.until - time.time()


class Notes:
    """The file of a part: of each run of it, the circumstances, the items, and what was left out.

    A run is written anew after each item, in the place of what it wrote before; several threads may
    keep theirs.

    Args:
      task: of the part.
      part: its name.
      planned: names of items, which are left out until they come.
    """

    def __init__(self, task: Task, part: str, planned: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._task, self._path = task, path_of(Path(task.out), part)
        self._earlier = runs_of(self._path)
        self._run: Json = {
            "command": command_of(task),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "dry": task.dry,
            "card": card(),
            **circumstances(),
            "items": {},
            "left_out": dict.fromkeys(planned, "not reached"),
        }
        self._run["commit"] = task.commit or self._run["commit"]
        self._write()

    def item(self, name: str, measure: Callable[[], Json], seconds: float = 0.0) -> None:
        """Keep what is measured, or why it could not be; leave it out where no time is left.

        Args:
          name: of the item.
          measure: what finds it.
          seconds: what it takes, about; 0 of what is there already, and is kept in any case.
        """
        left, start = self._task.left(), time.perf_counter()
        if seconds and left < seconds:
            return self.leave_out(name, f"{max(left, 0):.0f} s were left, of about {seconds:.0f}")
        try:
            found = measure()
        except Exception as error:  # whatever it is, it costs this item alone
            found = {"failed": reason(error)}
        return self.keep(name, {**found, "took_seconds": time.perf_counter() - start})

    def keep(self, name: str, found: Json) -> None:
        """Keep an item."""
        with self._lock:
            self._run["items"][name] = found
            self._run["left_out"].pop(name, None)
            self._write()
        told = found.get("failed") or f"{found.get('took_seconds', 0):.1f} s"
        print(f"  {name}: {told}", flush=True)

    def leave_out(self, name: str, why: str) -> None:
        """Say why an item is not there."""
        with self._lock:
            self._run["left_out"][name] = why
            self._write()
        print(f"  {name}: left out, {why}", flush=True)

    def about(self, name: str, found: object) -> None:
        """Keep what is true of all items of the run, such as the version of a library."""
        with self._lock:
            self._run[name] = found
            self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(self._path, {"runs": [*self._earlier, self._run]})


def command_of(task: Task) -> str:
    """What a run says of how it was made."""
    return f"{PROGRAM} --raw FOLDER --out FOLDER --minutes {task.minutes:g}"


def path_of(out: Path, part: str) -> Path:
    """The file of a part."""
    return out / f"accelerator_{part}.json"


def runs_of(path: Path) -> list[Json]:
    """The runs in it, [] where there is no file yet."""
    return files.read_json(path)["runs"] if path.exists() else []


def card() -> Json:
    """The device, its memory, its driver."""
    device = jax.devices()[0]
    statistics = device.memory_stats() or {}
    return {
        "kind": device.device_kind,
        "platform": device.platform,
        "memory_bytes": statistics.get("bytes_limit"),
        "driver": _driver() if device.platform == "gpu" else None,
        "products": jax.config.values["jax_default_matmul_precision"] or "default",
    }


def _driver() -> str | None:
    query = "--query-gpu=name,driver_version,memory.total"
    command = ["nvidia-smi", query, "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
