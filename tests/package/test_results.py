"""The numbers that are shown are those that were measured, and say by which command."""

import json
from pathlib import Path

import pytest

from experiments.papers.iwae import results

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "results").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_names_the_command_that_made_it(path):
    found = json.loads(path.read_text())
    for result in found.get("cells", [found]):
        assert result["command"].startswith("python -m experiments.")
        assert "jax" in json.dumps(result)  # the versions


def test_the_table_of_the_papers_is_that_of_the_results():
    shown = (ROOT / "docs/papers.md").read_text()
    _, table = shown.split("<!-- python -m experiments.papers.iwae --table -->\n")
    cells = results.load(ROOT / "results/iwae.json")
    assert len(cells) > 0
    assert table.startswith(results.table(cells) + "\n<!-- end -->")
