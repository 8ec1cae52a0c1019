"""What a run prints, where nobody can be told any more."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vae_jax.cli.streams import Forgiving, forgiving
from vae_jax.cli.train import main

ROOT = Path(__file__).parents[2]
OPTIONS = ["--epochs", "2", "--hidden", "8", "--latents", "2", "--no-pictures", "--no-score"]


@pytest.fixture
def broken():
    """A stream into a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield stream


def test_a_stream_that_broke_takes_everything(broken, capsys):
    stream = Forgiving(broken)
    assert stream.write("a line\n") == 7
    stream.flush()
    stream.write("another\n")
    stream.flush()
    lost = "What is printed is lost from here on (Broken pipe); the run goes on.\n"
    assert capsys.readouterr().err == lost
    assert stream.encoding == "utf-8"


def test_a_run_goes_on_where_nobody_reads_it(broken, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdout", broken)
    assert main(["digits", *OPTIONS, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "report.html").exists()


def test_a_terminal_that_is_gone(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

        def fileno(self):
            return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr("sys.stdout", Gone())
    monkeypatch.setattr("sys.stderr", Gone())
    with forgiving():
        sys.stdout.write("a line")


def test_a_reader_who_has_had_enough():
    command = "set -o pipefail; $PYTHON -c 'import vae_jax_command as c; c.main()' --help | true"
    given = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], env=given, capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"")


def test_what_a_terminal_cannot_spell():
    """An exit status of 1 for a plus-minus sign would be that of a failed run."""
    code = "import vae_jax_command as c; c.run(lambda: print(chr(177)))"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **plain}, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"?\n", b"")
