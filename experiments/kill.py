"""Kill a run again and again, and see whether it ends as if nobody had.

`python -m experiments.kill` trains digits undisturbed, then again while its process is killed by
SIGKILL at moments that are uniform over its epochs, every third of them while a checkpoint is being
written; each time it is resumed. Checked are, after each kill, that

- the newest whole checkpoint can be read, and is no older than any seen before,
- metrics.jsonl is made of whole lines,
- training goes on from that checkpoint,

and in the end that parameters, progress and every number of every epoch are those of the
undisturbed run, bit for bit, and each epoch is there once. The exit status is 0 if all of it holds,
else 1.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.checkpoint import Checkpoints
from vae_jax.cli import command

_ROOT = Path(__file__).parents[1]
_TIMES = ("seconds", "examples_per_second")  # what differs between runs that are the same
_LIMIT = 1800.0  # seconds for a process to begin training, or a checkpoint, on a busy machine


class Kill(NamedTuple):
    """One kill, and what was left.

    Fields:
      reached: the last epoch in metrics.jsonl.
      mid_save: whether a checkpoint was being written.
      newest: the epoch of the newest whole checkpoint; 0 if there is none.
      faults: what is not as it should be.
    """

    reached: int
    mid_save: bool
    newest: int
    faults: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return command.run(kill, arguments, "python -m experiments.kill", __doc__ or "")


def kill(kills: int = 20, epochs: int = 60, seed: int = 0) -> int:
    """Kill.

    Args:
      kills: How many times.
      epochs: Of the run, each with an evaluation and a checkpoint.
      seed: Of the moments.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        whole, killed = Path(scratch, "whole"), Path(scratch, "killed")
        pace = undisturbed(whole, epochs)
        print(f"undisturbed: {epochs} epochs, {time.perf_counter() - begin:.0f} s", flush=True)
        done = disturbed(killed, epochs, kills, seed, pace)
        faults = [fault for one in done for fault in one.faults] + differences(whole, killed)
    if len(done) < kills:
        faults.append(f"It was finished after {len(done)} of {kills} kills: ask for more --epochs.")
    mid_save = sum(one.mid_save for one in done)
    print(f"{len(done)} kills, {mid_save} in mid-save, {time.perf_counter() - begin:.0f} s in all")
    print("\n".join(faults) or "The same parameters, progress and numbers, bit for bit.")
    return 1 if faults else 0


def undisturbed(folder: Path, epochs: int) -> float:
    """Train in one piece; the seconds of an epoch."""
    _finish(_start(folder, epochs), folder)
    saved = [(folder / "checkpoints" / str(epoch)).stat().st_mtime for epoch in _whole(folder)]
    return (max(saved) - min(saved)) / (len(saved) - 1)


def disturbed(folder: Path, epochs: int, kills: int, seed: int, pace: float) -> list[Kill]:
    """Train in as many pieces as it takes; `pace` is the seconds of an epoch."""
    draw = random.Random(seed)
    moments = sorted(draw.uniform(0, epochs - 1) for _ in range(kills))
    done: list[Kill] = []
    for number, moment in enumerate(moments):
        process = _start(folder, epochs)
        if not _killed(process, folder, done, moment, pace, aimed=number % 3 == 2):
            break
        _check_resumed(done, folder)
        done.append(_look(folder, done))
    else:
        process = _start(folder, epochs)
    _finish(process, folder)
    _check_resumed(done, folder)
    return done


def differences(whole: Path, killed: Path) -> list[str]:
    """Where the end of one run is not that of the other."""
    faults = []
    if read_rows(whole) != read_rows(killed):
        faults.append("metrics.jsonl: other numbers, or not each epoch once")
    (params, progress), (others, other_progress) = (_last(folder) for folder in (whole, killed))
    if progress != other_progress:
        faults.append(f"progress: {progress} undisturbed, {other_progress} killed")
    if not jax.tree.all(jax.tree.map(np.array_equal, params, others)):
        faults.append("parameters: other bits")
    return faults


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, all of them whole, without the times."""
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        raise ValueError(f"{folder / 'metrics.jsonl'} ends within a line.")
    rows = [json.loads(line) for line in text.splitlines()]
    return [{name: row[name] for name in row if name not in _TIMES} for row in rows]


def _start(folder: Path, epochs: int) -> subprocess.Popen[bytes]:
    """A process that begins the run, or goes on with it; it tells in `log`."""
    sizes = ["--hidden", "64", "--latents", "4", "--evaluate-every", "1"]
    sizes += ["--no-score", "--no-pictures"]
    new = ["digits", "--epochs", str(epochs), *sizes, "--out", str(folder)]
    options = ["--resume", str(folder)] if folder.exists() else new
    with _log(folder).open("wb") as log:
        command = [sys.executable, "-m", "experiments.train", *options]
        return subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=subprocess.STDOUT)


def _finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    if process.wait() != 0:
        raise RuntimeError(
            f"Training ended with {process.returncode}:\n{_log(folder).read_text(encoding='utf-8')}"
        )


def _killed(
    process: subprocess.Popen[bytes],
    folder: Path,
    done: list[Kill],
    moment: float,
    pace: float,
    aimed: bool,
) -> bool:
    """Kill it at a moment, in epochs, once it has trained one; False if it ended before."""
    epoch = max(int(moment), _newest(done) + 1)
    if not _wait(process, lambda: _told(folder, r"epoch (\d+)/\d+  test data") >= epoch):
        return False
    time.sleep(moment % 1 * pace)
    if aimed and not _wait(process, lambda: _saving(folder)):
        return False
    process.kill()
    return process.wait() < 0


def _look(folder: Path, done: list[Kill]) -> Kill:
    """What a kill has left."""
    faults, whole = [], _whole(folder)
    newest = max(whole, default=0)
    if newest < _newest(done):
        faults.append(f"checkpoint {_newest(done)} was there, and now the newest is {newest}")
    try:
        rows = read_rows(folder)
        if whole:
            _last(folder)
    except ValueError as error:
        rows, faults = [], [*faults, str(error)]
    reached = max((row["epoch"] for row in rows), default=0)
    return Kill(reached, _saving(folder), newest, faults)


def _check_resumed(done: list[Kill], folder: Path) -> None:
    """Print the last kill, now that the next process has said what it goes on from."""
    if not done:
        return
    last, resumed = done[-1], _told(folder, r"Going on from the checkpoint of epoch (\d+)")
    if resumed != last.newest:
        last.faults.append(f"gone on from {resumed}, and the newest checkpoint was {last.newest}")
    where = "in mid-save" if last.mid_save else "           "
    fault = "".join(f"  FAULT: {fault}" for fault in last.faults)
    print(
        f"kill {len(done):2}: epoch {last.reached:3}  {where}  gone on from {resumed:3}{fault}",
        flush=True,
    )


def _wait(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> bool:
    """Until a condition holds; False if the process ends before."""
    end = time.monotonic() + _LIMIT
    while not condition():
        if process.poll() is not None:
            return False
        if time.monotonic() > end:
            process.kill()
            raise TimeoutError(f"Nothing has happened for {_LIMIT:.0f} s.")
        time.sleep(0.0005)
    return True


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")


def _told(folder: Path, pattern: str) -> int:
    """The last number that the latest process has told in this form; 0 if there is none."""
    return max(map(int, re.findall(pattern, _log(folder).read_text(encoding="utf-8"))), default=0)


def _newest(done: list[Kill]) -> int:
    return done[-1].newest if done else 0


def _saving(folder: Path) -> bool:
    """Whether a checkpoint is being written, or was when the process was killed."""
    return any(folder.glob("checkpoints/*orbax-checkpoint-tmp*"))


def _whole(folder: Path) -> list[int]:
    """The epochs of the whole checkpoints, which are those under their final name."""
    return [int(path.name) for path in folder.glob("checkpoints/*") if path.name.isdigit()]


def _last(folder: Path) -> tuple[Any, Any]:
    """Parameters and progress of the newest checkpoint."""
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        epoch = checkpoints.epochs[-1]
        return checkpoints.load_params(epoch), checkpoints.progress(epoch)


if __name__ == "__main__":
    sys.exit(main())
