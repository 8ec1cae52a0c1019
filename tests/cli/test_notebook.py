"""In a notebook what is printed is plain, whether a cell calls `main` or starts a process."""

import os
import pty
import subprocess
import sys
import types
from pathlib import Path

import pytest

from vae_jax.cli import terminal

ROOT = Path(__file__).parents[2]
SHOW = """
from rich.table import Table
from vae_jax.cli.terminal import EpochBar, console, say
with EpochBar() as bar:
    bar.begin(2, 1, "test data")
    bar.update({"data": "train", "epoch": 1, "loss": 1.0})
console.print(Table("a table"))
say("a line")
"""


def printed(environment):
    """What a process writes to a terminal."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"}
    given = {**clean, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment}
    with subprocess.Popen([sys.executable, "-c", SHOW], stdout=theirs, env=given) as process:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # Linux says so at the end
            pass
    os.close(ours)
    assert process.returncode == 0
    return said.decode()


def test_a_terminal_has_colours_and_a_notebook_has_none():
    assert "\x1b" in printed({})
    plain = printed({"JPY_PARENT_PID": "1"})
    assert "\x1b" not in plain
    assert "epoch 1/2  loss 1.00 nats" in plain
    assert "a table" in plain
    assert "a line" in plain


def test_the_process_of_a_notebook_is_known(monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not terminal.in_notebook()
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert terminal.in_notebook()


@pytest.mark.parametrize("notebook", [True, False])
def test_rich_shows_no_html_in_one(notebook, monkeypatch):
    monkeypatch.setattr(terminal, "in_notebook", lambda: notebook)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    console = terminal.plain_in_notebooks()
    assert console.is_jupyter is not notebook
    if notebook:
        assert not console.is_terminal
