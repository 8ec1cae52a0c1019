"""The Makefile: what it does with a .venv that is there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def python(path, version):
    """A program that says so of itself, and can do nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho Python {version}\n")
    path.chmod(0o755)
    return path


def test_a_venv_of_another_python_is_not_used(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "pyproject.toml").touch()
    there = python(tmp_path / ".venv/bin/python", "3.11.7")
    (tmp_path / ".venv/installed").touch()
    other = python(tmp_path / "other", "3.13.0")
    # what `make test PYTHON=...`, which may run this, says to every make below it
    told = {"PYTHON", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES"}
    environment = {name: value for name, value in os.environ.items() if name not in told}
    how = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}

    def made(*given):
        return subprocess.run(["make", ".venv/installed", *given], **how)

    assert [made().returncode, made(f"PYTHON={there}").returncode] == [0, 0]
    refused = made(f"PYTHON={other}")
    assert refused.returncode != 0
    assert ".venv is of Python 3.11.7, and Python 3.13.0 was asked for" in refused.stdout
