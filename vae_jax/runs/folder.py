"""The folder of one run, and its files: each written whole, or not at all.

config.json       what rebuilds the experiment; versions, commit, device
metrics.jsonl     a line for each epoch and each evaluation
checkpoints/      the last few and the best, by epoch
evaluation.json   the final numbers
status.json       how far it is
pictures/         samples, reconstructions, a traversal, a latent map
report.html       all of it on one page
profile/          a trace of some steps, where it was asked for
.lock             held by the process that trains it
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from vae_jax import files
from vae_jax.runs.forms import STATUS, check_config, check_evaluation, check_form, check_row

Json = dict[str, Any]


def create(name: str, out: Path | None, config: Json) -> Path:
    """A new folder that holds config.json: `out`, or runs/<name>-<n> with the first n free.

    It is made under another name and renamed: there is never a run folder without its config.

    Raises:
      FileExistsError: `out` is there already and not empty.
      OSError: there can be no such folder.
    """
    parent = Path("runs") if out is None else out.absolute().parent
    scratch = _make(parent, name)
    try:
        write_json(scratch / "config.json", config)
        (scratch / "pictures").mkdir()
        scratch.chmod(0o755)  # mkdtemp's are private
        return _first_free(scratch, parent, name) if out is None else _place(scratch, out)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def check_folder(folder: Path) -> Path:
    """The config.json of a folder. FileNotFoundError if it is no run folder."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no run folder: there is no config.json in it.")
    return path


def read_config(folder: Path) -> Json:
    """config.json. FileNotFoundError if it is no run folder, ValueError if it is damaged."""
    path = check_folder(folder)
    config = read_json(path)
    check_config(path, config)
    return config


def read_status(folder: Path) -> Json:
    """status.json; {} of a run that has none yet. ValueError if it is damaged."""
    path = folder / "status.json"
    if not path.exists():
        return {}
    status = read_json(path)
    check_form(path, status, STATUS)
    return status


def read_evaluation(folder: Path) -> Json:
    """evaluation.json; {} of a run that has none yet. ValueError if it is damaged."""
    path = folder / "evaluation.json"
    if not path.exists():
        return {}
    scores = read_json(path)
    check_evaluation(path, scores)
    return scores


def read_json(path: Path) -> Any:
    """One JSON file. ValueError, naming it, where it is damaged."""
    return _parsed(path, path.read_bytes())


def write_json(path: Path, content: Json) -> None:
    """Write one readable JSON file, all of it or nothing."""
    files.write(path, (json.dumps(content, indent=2, default=str) + "\n").encode())


def append(path: Path, row: Json) -> None:
    """Add one line of JSON; where the disk is full, none of it, and OSError."""
    files.append(path, (json.dumps(row) + "\n").encode())


def read_rows(path: Path) -> list[Json]:
    """The lines of `append`, [] where there is no file yet. ValueError if one is damaged."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    rows = [_parsed(path, line) for line in lines]
    for row in rows:
        check_row(path, row)
    return rows


def forget_after(path: Path, epoch: int) -> None:
    """Keep the rows of epochs up to this one: those after it will be made again."""
    kept = [row for row in read_rows(path) if row["epoch"] <= epoch]
    files.write(path, "".join(json.dumps(row) + "\n" for row in kept).encode())


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is not JSON ({error}).") from error
    except RecursionError as error:
        raise ValueError(f"{path} is damaged: it is nested too deeply.") from error


def _make(parent: Path, name: str) -> Path:
    """A new folder in `parent`, which is made where it is not there."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    except OSError as error:
        raise type(error)(
            f"There can be no run folder in {parent} ({error.strerror}): make room, or name another"
            " place with --out."
        ) from error


def _first_free(scratch: Path, parent: Path, name: str) -> Path:
    number = 1
    while True:
        try:
            return scratch.rename(parent / f"{name}-{number}")
        except OSError:
            if not (parent / f"{name}-{number}").exists():
                raise
            number += 1


def _place(scratch: Path, out: Path) -> Path:
    try:
        return scratch.rename(out)
    except OSError as error:
        if not out.exists():
            raise
        problem = "is not empty" if out.is_dir() else "is a file"
        raise FileExistsError(f"{out} {problem}: name a new folder with --out.") from error
