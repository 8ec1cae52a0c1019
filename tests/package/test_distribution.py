"""What a package index is given: `make package` builds it, and twine reads it."""

import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)]+)\)", README)


def test_the_links_of_the_readme_lead_to_files():
    files = [link.split("#")[0] for link in LINKS if not link.startswith(("http", "#"))]
    assert len(files) > 5
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_an_index_is_given_whole_addresses():
    absolute = runpy.run_path(str(ROOT / "setup.py"))["absolute"]
    text = "![a b](docs/a.png) [c](docs/c.md#d) [e](https://e.org) [f](#f) `x[0](1)`"
    assert absolute(text.replace(" `x[0](1)`", ""), "https://h.org/v") == (
        "![a b](https://h.org/v/raw/main/docs/a.png) [c](https://h.org/v/blob/main/docs/c.md#d)"
        " [e](https://e.org) [f](#f)"
    )
    assert all(link.startswith(("http", "#")) for link in links_of(absolute(README, "https://h")))


def links_of(text):
    """Of prose: code is full of brackets."""
    return re.findall(r"\]\(([^)]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_a_source_distribution_has_what_a_packager_needs(tmp_path):
    pytest.importorskip("build.__main__")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path]
    subprocess.run([*command, ROOT], check=True, capture_output=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    with tarfile.open(tmp_path / f"vae_jax-{version}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        info = archive.extractfile(f"vae_jax-{version}/PKG-INFO").read().decode()
    needed = {"CITATION.cff", "LICENSE", "vae_jax_command.py", "tests/package/test_distribution.py"}
    assert needed <= names
    assert "Project-URL: Repository, https://" in info
    assert "](docs/" not in info
