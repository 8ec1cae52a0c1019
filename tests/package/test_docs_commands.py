"""The commands of the pages of docs/ run as written."""

import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import few_digits, shorten, write_table

DOCS = Path(__file__).parents[2] / "docs"


def commands(text):
    """The arguments of each `python -m experiments...` in a ```sh block."""
    found = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in found for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("python -m experiments")]


@pytest.mark.parametrize(("page", "least"), [("experiments.md", 11), ("../README.zh.md", 4)])
def test_the_commands_of_a_page_run(page, least, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch, pictures=False)
    few_digits(monkeypatch)
    _some_data()
    lines = commands((DOCS / page).read_text(encoding="utf-8"))
    assert len(lines) >= least
    for module, *arguments in lines:
        assert importlib.import_module(module).main(arguments) == 0, (module, arguments)
        assert capsys.readouterr().err == ""


def _some_data():
    """What the page calls the user's own."""
    rng = np.random.default_rng(0)
    Path("photographs").mkdir()
    for n in range(40):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(f"photographs/{n}.png")
    np.savez("arrays.npz", night=rng.random((40, 2, 8, 8), np.float32), day=rng.random(40))
    write_table(Path("people.csv"))
    write_table(Path("more_people.csv"), 5)
    np.save("waves.npy", rng.normal(50, 20, (40, 12, 3)))
    Path("book.txt").write_text("It was the best of times, it was the worst of times. " * 20)
