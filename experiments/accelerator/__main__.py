"""`python -m experiments.accelerator`: see `experiments.accelerator`."""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import experiments.accelerator
from experiments.accelerator.processes import SHARING

# Minutes of 7.5: of work, and of starting and compiling.
PARTS = {"right": (0.9, 0.4), "published": (3.0, 0.3), "fast": (1.5, 0.6), "big": (0.5, 0.3)}
_OF = 7.5
PROGRAM = (sys.executable, "-m", "experiments.accelerator")  # which does a part
_PATIENCE = 15.0  # seconds past its end after which a part is taken for one that hangs


class Plan(NamedTuple):
    """A part, and the seconds it may take if those before it take theirs."""

    part: str
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 1 where a part did not end well."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.part:
        return _do(options.part, options.task)
    if options.table:
        from experiments.accelerator.tables import all_of

        print(all_of(options.out))
        return 0
    missing = [name for name in ("mnist", "static_mnist") if not _is_there(options.raw, name)]
    if missing:
        raw = options.raw or "--raw"
        parser.error(f"{raw} must be a folder with {' and '.join(missing)}, the raw files in them")
    if options.dry:
        options.out, options.runs = options.out / "dry", options.runs / "dry"
    return _run(options)


def _is_there(raw: Path | None, name: str) -> bool:
    return raw is not None and (raw / name).is_dir()


def _run(options: argparse.Namespace) -> int:
    start = time.time()
    end = start + 60 * options.minutes
    asked = [Plan(p, seconds) for p, seconds in _plans(options.minutes) if p in options.parts]
    failed = []
    for index, plan in enumerate(asked):
        later = sum(other.seconds for other in asked[index + 1 :])
        failed += _part(options, plan.part, end - later)
    if "published" in options.parts and end - time.time() > 60 and not options.dry:
        failed += _part(options, "published", end)
    told = f"; did not end well: {', '.join(failed)}" if failed else ""
    print(f"{time.time() - start:.0f} s of {60 * options.minutes:.0f}; {options.out}{told}")
    return 1 if failed else 0


def _plans(minutes: float) -> list[Plan]:
    share = 60 * minutes / _OF
    return [Plan(part, share * sum(parts)) for part, parts in PARTS.items()]


def _part(options: argparse.Namespace, part: str, until: float) -> list[str]:
    """Do a part in a process of its own; its name, if it did not end well."""
    print(f"{part}, {until - time.time():.0f} s", flush=True)
    task = {name: str(getattr(options, name)) for name in ("raw", "out", "runs")}
    told = {**task, "until": until - 3, "minutes": options.minutes, "dry": options.dry}
    told |= {"commit": options.commit}
    command = [*PROGRAM, "--part", part, "--task", json.dumps(told)]
    with subprocess.Popen(command, env=_environment(options), start_new_session=True) as process:
        try:
            status = process.wait(max(until - time.time(), 0) + _PATIENCE)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            _kill(process.pid)  # and what it has started
    return [part] if status else []


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment(options: argparse.Namespace) -> dict[str, str]:
    cache = (options.runs / "compiled").absolute()
    cached = {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    cached["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.5"
    return {**os.environ, **SHARING, **cached}


def _do(part: str, task: str) -> int:
    from experiments.accelerator.task import Task

    importlib.import_module(f"experiments.accelerator.{part}").run(Task(**json.loads(task)))
    return 0


def _parser() -> argparse.ArgumentParser:
    about = experiments.accelerator.__doc__
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m experiments.accelerator", description=about, formatter_class=form
    )
    add = parser.add_argument
    add("--raw", type=Path, help="folder with mnist and static_mnist, the raw files")
    add("--out", type=Path, default=Path("results"), help="folder of what is found")
    add("--runs", type=Path, default=Path("runs/accelerator"), help="folder of what is begun")
    add("--minutes", type=float, default=9.0, help="of the whole command")
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which of them")
    add("--commit", help="of the code, where no repository tells it")
    add("--dry", action="store_true", help="all in tiny sizes, in OUT/dry: on a CPU, to try it")
    add("--table", action="store_true", help="print what was found, and run nothing")
    add("--part", choices=PARTS, help=argparse.SUPPRESS)
    add("--task", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
