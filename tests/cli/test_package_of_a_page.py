"""The package of one file that docs/experiments.md shows, as pip would have it installed."""

import importlib
import sys
import tomllib
from pathlib import Path

import pytest
from tiny_runs import read, rows

from tests.package.test_readme import blocks, fenced
from vae_jax import load_run
from vae_jax.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The page's file, and what pip makes of the page's pyproject.toml, on the path."""
    (project,) = [tomllib.loads(code) for _, code in fenced(PAGE, "toml")]
    name, version = project["project"]["name"], project["project"]["version"]
    (code,) = [code for _, code in blocks(PAGE) if "def visits(" in code]
    (points,) = project["project"]["entry-points"].items()
    about = tmp_path / "site" / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{key} = {value}" for key, value in points[1].items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{points[0]}]", *lines, ""]))
    (about.parent / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(about.parent))
    importlib.invalidate_caches()
    yield name, version
    sys.modules.pop(name, None)


def test_a_package_of_one_file(installed, tmp_path, monkeypatch, capsys):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir(), elsewhere.mkdir()
    monkeypatch.chdir(here)
    assert main(["train", "visits", "--epochs", "1", "--latents", "3"]) == 0
    folder = here / "runs" / "visits-1"
    assert read(folder, "config.json")["package"] == dict(
        zip(("distribution", "version"), installed, strict=True)
    )
    monkeypatch.chdir(elsewhere)
    assert main(["train", "--resume", str(folder), "--epochs", "2"]) == 0
    assert [row["epoch"] for row in rows(folder) if row["data"] == "train"] == [1, 2]
    run = load_run(folder)
    assert (run.epoch, run.config["options"]["latents"]) == (2, 3)
    assert main(["evaluate", str(folder), "--importance-samples", "20"]) == 0
    evaluation = read(folder, "evaluation.json")
    assert (evaluation["epoch"], evaluation["images"]) == (2, 50)
    assert evaluation["log_likelihood"]["importance_samples"] == 20
    assert list(elsewhere.iterdir()) == []
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    assert "visits" in capsys.readouterr().out
