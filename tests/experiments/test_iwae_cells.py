"""Cells of the tables: run, interrupted, resumed; and what is printed of them."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tiny_mnist import TINY

from experiments.papers.iwae import cells, images, results
from experiments.papers.iwae.__main__ import main
from experiments.papers.iwae.protocols import make_settings
from experiments.papers.iwae.rows import ROWS
from vae_jax import data
from vae_jax.runs import folder as files

pytestmark = pytest.mark.usefixtures("tiny_data")


def cell(name="dynamic-1-iwae-5-dreg", settings=TINY):
    return cells.Cell(ROWS[name], "short", settings, seed=1)


def timeless(result):
    return {name: value for name, value in result.items() if name != "training_seconds"}


def test_an_interrupted_cell_ends_with_the_same_numbers(tmp_path, monkeypatch):
    rows = []
    whole = cells.run(cell(), None, tmp_path / "whole", rows.append)
    assert [row["epoch"] for row in rows if row["data"] == "train"] == [1, 2, 3]
    assert whole["training_seconds"] == sum(r["seconds"] for r in rows if r["data"] == "train")
    assert cells.run(cell(), None, tmp_path / "part", stop=lambda: True) is None
    metrics = tmp_path / "part" / cell().name / "metrics.jsonl"
    # as a process leaves it that was killed after an epoch, before its checkpoint
    files.append(metrics, {"data": "train", "epoch": 2, "seconds": 1e6})
    resumed = cells.run(cell(), None, tmp_path / "part")
    assert timeless(resumed) == timeless(whole)
    assert 0 < resumed["training_seconds"] < 1e6
    epochs = [row["epoch"] for row in files.read_rows(metrics) if row["data"] == "train"]
    assert epochs == [1, 2, 3]
    monkeypatch.setattr(cells, "fit", None)  # a finished cell is neither trained nor read for
    monkeypatch.setattr(data, "load", None)
    images.read.cache_clear()
    assert cells.run(cell(), None, tmp_path / "part") == resumed
    assert whole["nll"]["importance_samples"] == 10
    assert whole["active_units"]["images"] == 20
    changed = cell()._replace(settings=TINY._replace(epochs=4))
    (tmp_path / "part" / cell().name).rename(tmp_path / "part" / changed.name)
    with pytest.raises(ValueError, match=r"is of another cell.*Remove the folder, or name another"):
        cells.run(changed, None, tmp_path / "part")


def test_a_cells_name_and_command_say_what_is_not_the_protocols():
    usual = make_settings("short", ROWS["fixed-2-vae-1"])
    plain = cell("fixed-2-vae-1", usual)
    assert plain.name == "fixed-2-vae-1-short-1"
    assert plain.command == (
        "python -m experiments.papers.iwae fixed-2-vae-1 --protocol short --seeds 1 --raw FOLDER"
    )
    given = make_settings("short", ROWS["fixed-2-vae-1"], epochs=7, average=0.99, batch_size=None)
    assert given == usual._replace(epochs=7, average=0.99)
    assert make_settings("short", ROWS["fixed-2-vae-1"], average=0.0).average is None
    other = cell("fixed-2-vae-1", given)
    assert other.name == "fixed-2-vae-1-short-epochs=7-average=0.99-1"
    assert "--seeds 1 --epochs 7 --average 0.99 --raw" in other.command


def test_the_command_runs_a_chain_and_prints_the_table(tmp_path, capsys):
    places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "r" / "iwae.json")]
    numbers = ["--epochs", "1", "--batch-size", "100", "--learning-rate", "1e-3"]
    assert main(["fixed-2-vae-1", *numbers, *places]) == 0
    told = capsys.readouterr()
    name = "fixed-2-vae-1-short-epochs=1-learning_rate=0.001-0"  # its batches are of 100 anyway
    assert re.search(rf"^{re.escape(name)}: NLL \d+\.\d\d .* \d+\+\d+ active units", told.out)
    assert re.search(rf"^{re.escape(name)}: epoch 1 of 1, loss \d", told.err)
    (result,) = results.load(tmp_path / "r" / "iwae.json")
    assert result["nll"]["value"] < result["negative_elbo"]["value"]
    assert len(result["active_units"]["numbers"]) == 2
    assert {"commit", "device", "versions", "command", "machine"} <= set(result)
    assert main(["--table", *places]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert sum("not run" in line for line in lines) == len(ROWS) - 1
    (line,) = (line for line in lines if "| fixed-2-vae-1 |" in line)
    value = f"{result['nll']['value']:.2f}"
    assert f"| 88.08 | short: 1 pass, batches of 100, 0.001 | {value} (1 seed) |" in line


def finished(seed, nll, **settings):
    return {
        **cell(settings=TINY._replace(**settings)).identity(),
        "seed": seed,
        "nll": {"value": nll},
        "negative_elbo": {"value": 90.0},
        "active_units": {"numbers": [20 + seed]},
        "training_seconds": 60.0 * seed,
        "seeds_at_once": 1,
        "machine": "abacus",
        "products": {"training": "default", "evaluation": "highest"},
    }


def test_seeds_are_averaged_and_settings_are_kept_apart(tmp_path):
    path = tmp_path / "iwae.json"
    for result in (
        finished(1, 85.0),
        finished(2, 0.0),
        finished(2, 86.0),
        finished(1, 80.0, epochs=9),
    ):
        results.merge(path, result)
    assert len(results.load(path)) == 3  # the later in the place of the earlier
    lines = [ln for ln in results.table(results.load(path)).splitlines() if "iwae-5-dreg" in ln]
    ours = [line for line in lines if "dynamic-1" in line]
    assert len(ours) == 2
    both = (
        "| 85.50 +- 0.71 (2 seeds) | 90.00 +- 0.00 | 21, 22 | 1.5 min, abacus, default products |"
    )
    assert any(both in line for line in ours)
    assert any("9 passes" in line and "| 80.00 (1 seed) | 90.00 | 21 |" in line for line in ours)
    assert all("| 85.54 [22] |" in line for line in ours)


def test_no_cell_is_lost_where_several_finish_at_once(tmp_path):
    path, seeds = tmp_path / "iwae.json", range(40)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: results.merge(path, finished(seed, 85.0)), seeds))
    assert {cell["seed"] for cell in results.load(path)} == set(seeds)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which rows"),
        (["dynamic-1-iwae-6"], "Did you mean dynamic-1-iwae-"),
        (["dynamic-3-*"], r"no row is called 'dynamic-3-\*'"),
        (["dynamic-1-vae-1", "--protocol", "long"], "no protocol 'long'; there are paper, short"),
        (["dynamic-1-vae-1", "--epochs", "0"], "epochs must be at least 1"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, message, tmp_path, capsys):
    assert main([*arguments, "--runs", str(tmp_path), "--out", str(tmp_path / "out.json")]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out.json").exists()
