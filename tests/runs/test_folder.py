"""The files of a run: whole or not there, whatever happens in between."""

import contextlib
import json
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vae_jax.runs import folder as run_folder
from vae_jax.runs.lock import locked

CONFIG = {
    "config": "digits",
    "options": {},
    "found": {},
    "training": {},
    "example": {"x": {"shape": [8, 8, 1], "dtype": "float32"}},
    "stored": {},
    "package": {"distribution": "vae_jax", "version": "0.1.0"},
}
ROW = {"data": "train", "epoch": 1, "loss": 3.25}


def fail(*args, **kwargs):
    raise OSError("no space left")


def test_a_folder_appears_with_its_config(tmp_path, monkeypatch):
    appear = Path.rename

    def watched(scratch, target):
        assert json.loads((scratch / "config.json").read_text()) == CONFIG
        assert not target.exists()
        return appear(scratch, target)

    monkeypatch.setattr(Path, "rename", watched)
    made = run_folder.create("digits", tmp_path / "some" / "run", CONFIG)
    assert made == tmp_path / "some" / "run"
    assert {path.name for path in made.iterdir()} == {"config.json", "pictures"}
    assert run_folder.read_config(made) == CONFIG
    assert stat.S_IMODE(made.stat().st_mode) == 0o755
    assert stat.S_IMODE((made / "config.json").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["write_json", "_place"])
def test_a_failure_leaves_nothing(name, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, name, fail)
    with pytest.raises(OSError, match="no space left"):
        run_folder.create("digits", tmp_path / "run", CONFIG)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="is not empty: name a new folder with --out"):
        run_folder.create("digits", tmp_path, CONFIG)
    with pytest.raises(FileExistsError, match="mine is a file: name a new folder"):
        run_folder.create("digits", tmp_path / "mine", CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    assert run_folder.create("digits", tmp_path / "empty", CONFIG) == tmp_path / "empty"


def test_a_folder_in_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "run", tmp_path / "file" / "a" / "run"):
        with pytest.raises(OSError, match=rf"no run folder in {out.parent} \(.*\): make room, or"):
            run_folder.create("digits", out, CONFIG)


def test_runs_without_a_name_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [run_folder.create("digits", None, CONFIG) for _ in range(3)]
    assert [str(folder) for folder in made] == ["runs/digits-1", "runs/digits-2", "runs/digits-3"]
    assert str(run_folder.create("text", None, CONFIG)) == "runs/text-1"
    assert len(list(Path("runs").iterdir())) == 4


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    run_folder.write_json(path, {"a": 1})
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        run_folder.write_json(path, {"a": 2})
    assert run_folder.read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@contextlib.contextmanager
def room(size):
    """A disk on which files have room for so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("left", [0, 5])
def test_a_full_disk_leaves_no_half_line(left, tmp_path):
    path = tmp_path / "metrics.jsonl"
    run_folder.append(path, ROW)
    whole = path.read_bytes()
    with room(len(whole) + left), pytest.raises(OSError, match=r"disk full|File too large"):
        run_folder.append(path, ROW)
    assert path.read_bytes() == whole
    run_folder.append(path, {**ROW, "epoch": 2})
    assert [row["epoch"] for row in run_folder.read_rows(path)] == [1, 2]


def test_a_torn_last_line_is_no_row(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert run_folder.read_rows(path) == []
    run_folder.append(path, ROW)
    with path.open("a") as file:
        file.write('{"data": "train", "epo')
    assert run_folder.read_rows(path) == [ROW]
    run_folder.forget_after(path, 1)
    run_folder.append(path, ROW)
    assert run_folder.read_rows(path) == [ROW, ROW]


def test_numbers_come_back_as_they_were(tmp_path):
    row = {**ROW, "loss": float(np.float32(0.1)), "elbo": 1 / 3}
    run_folder.append(tmp_path / "m", row)
    assert run_folder.read_rows(tmp_path / "m") == [row]


def test_rows_after_an_epoch_are_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [{"data": d, "epoch": e} for e in (1, 2, 3) for d in ("train", "held_out")]
    for row in rows:
        run_folder.append(path, row)
    run_folder.forget_after(path, 2)
    assert run_folder.read_rows(path) == rows[:4]
    run_folder.forget_after(path, 0)
    assert run_folder.read_rows(path) == []


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(
        FileNotFoundError, match=r"is no run folder: there is no config\.json in it"
    ):
        run_folder.read_config(tmp_path)
    path.write_text('{"config": ')
    with pytest.raises(ValueError, match=r"config\.json is damaged: it is not JSON"):
        run_folder.read_config(tmp_path)
    path.write_text('{"config": "digits", "options": {}}')
    with pytest.raises(
        ValueError,
        match=r"config\.json is damaged: it lacks package, found, training, example, stored",
    ):
        run_folder.read_config(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1\n{"epoch": 2}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl is damaged: it is not JSON"):
        run_folder.read_rows(tmp_path / "metrics.jsonl")


NESTED = '{"a": ' + "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"it must be an object; got \[\]"),
        ("null", "it must be an object; got None"),
        (NESTED, "it is nested too deeply"),
        (b"\xff\xfe", "it is not JSON"),
        ({"config": ["digits"]}, r"config must be str; got \['digits'\]"),
        ({"options": None}, "options must be dict; got None"),
        ({"package": "vae_jax"}, "package must be an object; got 'vae_jax'"),
        ({"package": {"distribution": 3, "version": None}}, r"package\.distribution must be"),
        ({"example": {}}, "example lacks x"),
        ({"extensions": {}}, r"extensions must be a list; got \{\}"),
        ({"extensions": [{"after": 2}]}, r"extensions\[0\] lacks epochs, learning_rate"),
        ({"resumed": [{}]}, r"resumed\[0\] lacks after, devices, versions"),
        (
            {"extensions": [{"after": 2, "epochs": "9", "learning_rate": 1}]},
            r"extensions\[0\]\.epochs must be int; got '9'",
        ),
    ],
)
def test_a_config_of_a_wrong_form(text, message, tmp_path):
    content = json.dumps({**CONFIG, **text}) if isinstance(text, dict) else text
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=rf"config\.json is damaged: {message}"):
        run_folder.read_config(tmp_path)


def test_rows_status_and_scores_of_a_wrong_form(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for line, message in (
        ("3", "it must be an object; got 3"),
        ('{"data": "train"}', "it lacks epoch"),
        ('{"data": "train", "epoch": "1"}', "epoch must be int; got '1'"),
        ('{"data": "held_out", "epoch": 1, "elbo": [3]}', r"elbo must be float; got \[3\]"),
    ):
        path.write_text(line + "\n")
        with pytest.raises(ValueError, match=rf"metrics\.jsonl is damaged: {message}"):
            run_folder.read_rows(path)
    (tmp_path / "status.json").write_text('{"state": "finished", "epoch": 1.5, "epochs": 2}')
    with pytest.raises(ValueError, match=r"status\.json is damaged: it lacks best_epoch"):
        run_folder.read_status(tmp_path)
    for text, message in (
        ('{"elbo": 3}', "it lacks log_likelihood"),
        ('{"elbo": 3, "log_likelihood": {}}', "elbo must be an object; got 3"),
        ("{}", "it lacks distortion"),
        (
            '{"distortion": {"value": 1, "standard_error": 2}, "active_units": {"number": true}}',
            "active_units lacks latents",
        ),
    ):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(ValueError, match=rf"evaluation\.json is damaged: {message}"):
            run_folder.read_evaluation(tmp_path)


HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("held", flush=True)
time.sleep(600)
"""


def other_process(folder):
    command = [sys.executable, "-c", HOLD, str(folder / ".lock")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def folder(tmp_path):
    return run_folder.create("digits", tmp_path / "run", CONFIG)


def test_a_second_process_is_refused(folder):
    with locked(folder):
        _, errors = other_process(folder).communicate(timeout=60)
        assert "BlockingIOError" in errors
        with (
            pytest.raises(BlockingIOError, match="run is being trained by another process"),
            locked(folder),
        ):
            pass
    with locked(folder):
        pass


def test_an_editor_does_not_take_the_lock_away(folder):
    """It writes another file, and renames it."""
    with locked(folder):
        run_folder.write_json(folder / "config.json", CONFIG)
        with pytest.raises(BlockingIOError), locked(folder):
            pass


def test_where_there_are_no_such_locks(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(ImportError, match=r"train on Linux or macOS, or call vae_jax\.fit"):
        locked(folder).__enter__()


def test_a_lock_ends_with_its_process(folder):
    with other_process(folder) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), locked(folder):
            pass
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with locked(folder):
        pass
