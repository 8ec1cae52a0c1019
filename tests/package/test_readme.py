"""The README's Python runs as written, from top to bottom."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


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


def test_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for line, code in blocks(README.read_text()):
        exec(compile("\n" * line + code, README.name, "exec"), namespace)
