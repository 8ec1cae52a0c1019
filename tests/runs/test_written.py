"""Files that cannot be written: the message names them, and what was there stays."""

import contextlib
import errno
import os
import resource
import tempfile
from pathlib import Path

import pytest

from vae_jax import files, plots
from vae_jax.cli.output import check_place
from vae_jax.runs import folder as run_folder
from vae_jax.runs.lock import locked


@contextlib.contextmanager
def room(size):
    """A disk on which files have room for so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refuse(*args, **kwargs):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize("way", [files.write, files.append])
def test_a_file_on_a_full_disk_is_named_and_stays_as_it_was(tmp_path, way):
    path = tmp_path / "status.json"
    path.write_bytes(b"before")
    with (
        room(10),
        pytest.raises(OSError, match=rf"^{path} could not be written \(File too large\): make"),
    ):
        way(path, b"1234567890" * 2)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_on_a_full_disk_leaves_the_one_before(tmp_path):
    path = tmp_path / "values.png"
    plots.save_values(path, [[0.0, 1.0]], "whole")
    before = path.read_bytes()
    with room(len(before) // 2), pytest.raises(OSError, match=f"{path} could not be written"):
        plots.save_values(path, [[1.0, 0.0]], "another")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_no_folder_is_named(tmp_path):
    path = tmp_path / "nowhere" / "a.csv"
    with pytest.raises(FileNotFoundError, match=rf"^{path} could not be written \(No such file"):
        files.write(path, b"")


def test_a_run_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    """As on a disk that is mounted to be read; the tests may run as root, who writes anywhere."""
    (tmp_path / "config.json").touch()
    monkeypatch.setattr(Path, "open", refuse)
    message = r"cannot be trained, as nothing can be written there \(Read-only file system\): make"
    with pytest.raises(OSError, match=message), locked(tmp_path):
        pass


def test_a_place_for_runs_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    message = rf"no run folder in {tmp_path} \(Read-only file system\): .*another place with --out"
    with pytest.raises(OSError, match=message):
        run_folder.create("digits", tmp_path / "run", {})


def test_a_place_is_asked_before_scores_are_computed(tmp_path, monkeypatch):
    check_place(tmp_path / "scores.json")
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere"):
        check_place(tmp_path / "nowhere" / "scores.json")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=rf"as nothing can in {tmp_path}: name another place"):
        check_place(tmp_path / "scores.json")
