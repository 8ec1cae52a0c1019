"""What the file of a benchmark tells of how it was made."""

import json
import sys

from experiments.benchmarks.results import save


def test_no_place_of_this_machine_is_kept(tmp_path, monkeypatch):
    given = ["defaults.py", "--raw", str(tmp_path), "--rows", "digits"]
    monkeypatch.setattr(sys, "argv", given)
    save(tmp_path / "a.json", "defaults", {"rows": {}})
    kept = (tmp_path / "a.json").read_text()
    command = "python -m experiments.benchmarks.defaults --raw FOLDER --rows digits"
    assert json.loads(kept)["command"] == command
    assert str(tmp_path) not in kept
