"""The Python of the README, and of the Chinese one, runs as written, from top to bottom."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def fenced(text, language):
    """(line, code) of each block of a language."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: match.start(1)].count("\n"), match.group(1)) for match in found]


def blocks(text):
    """(line, code) of each ```python block."""
    return fenced(text, "python")


def test_blocks_are_found_where_they_stand():
    text = "a\n```python\nx = 1\n```\n```sh\nls\n```\n```python\ny = x\nz\n```\n"
    assert blocks(text) == [(2, "x = 1\n"), (8, "y = x\nz\n")]


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readme_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for line, code in blocks((ROOT / name).read_text(encoding="utf-8")):
        exec(compile("\n" * line + code, name, "exec"), namespace)
