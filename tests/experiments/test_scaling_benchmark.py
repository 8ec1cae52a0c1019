"""The scaling benchmark: settings that differ in one thing, in turn, counted right."""

import json

import numpy as np
import pytest

from experiments.benchmarks import scaling, startup
from experiments.benchmarks.cases import CHANCE
from experiments.benchmarks.machine import operations
from experiments.benchmarks.scaling import BASE, Setting

SMALL = Setting(
    BASE.case._replace(encoder=(8, 6), latent=3, decoder=(6, 8), batch=5, learning_rate=1e-2)
)


def test_a_group_changes_one_thing_about_the_base():
    fields = {"batch": {"batch"}, "k": {"draws"}, "width": {"encoder", "decoder"}}
    fields |= {"latents": {"latent"}, "seeds": set()}
    found = scaling.groups()
    assert list(found) == list(fields)
    for name, group in found.items():
        assert list(group.values()).count(BASE) == 1
        for setting in group.values():
            different = {
                f for f in BASE.case._fields if getattr(setting.case, f) != getattr(BASE.case, f)
            }
            assert different in (set(), fields[name])
    assert found["width"][800].case.decoder == (800, 800)
    assert [s.seeds for s in found["seeds"].values()] == [1, 2, 4, 8]


@pytest.mark.parametrize("number", [1, 2])
def test_a_setting_trains(number):
    """From about 784 log 2, whether one seed or several."""
    turn = scaling.turns(SMALL._replace(seeds=number), steps=20)
    losses = [turn() for _ in range(3)]
    np.testing.assert_allclose(losses[0], CHANCE, rtol=0.25)
    assert losses[-1] < losses[0] - 20


def test_steps_of_a_turn():
    count = operations(SMALL.case)
    assert scaling.steps_of(SMALL, 7.5 * count) == 8
    assert scaling.steps_of(SMALL._replace(seeds=2), 8 * count) == 4
    assert scaling.steps_of(SMALL, 0) == 3
    assert scaling.steps_of(SMALL, 1e6 * count) == 400


def test_settings_take_turns():
    turned = []
    turns = {SMALL: lambda: turned.append("one") or 1.0, BASE: lambda: turned.append("other") or 2}
    records = scaling.in_turn(turns, rounds=2, steps={SMALL: 3, BASE: 5})
    assert turned == ["one", "other"] * 3
    assert [record.values for record in records.values()] == [(1.0, 1.0), (2, 2)]
    assert all(len(record.seconds) == 2 and min(record.seconds) > 0 for record in records.values())


def test_rows_are_ratios_to_the_base():
    several = SMALL._replace(seeds=2)
    group = {1: SMALL, 2: several}
    one, two = scaling.measure("seeds", group, 2, operations_a_turn=0, base=SMALL)
    assert (one["times_base"], one["times_base_an_example"]) == (1, 1)
    assert two["operations"] == 2 * one["operations"] == 2 * operations(SMALL.case)
    np.testing.assert_allclose(two["times_base_an_example"], two["times_base"] / 2)
    np.testing.assert_allclose(two["seconds"] / two["seconds_an_example"], 2 * SMALL.case.batch)
    np.testing.assert_allclose(two["gflops"] * two["seconds"] * 1e9, two["operations"])
    assert len(two["every_seconds"]) == 2


def test_imports_and_compilations_in_new_processes(monkeypatch):
    monkeypatch.setattr(startup, "IMPORTS", {"nothing": "pass", "json": "import json"})
    rows = startup.imports(rounds=2)
    assert [row["name"] for row in rows] == ["nothing", "json"]
    assert all(len(row["every_seconds"]) == 2 and row["seconds"] > 0 for row in rows)
    (row,) = startup.compilations(rounds=1, cases=("mlp",))
    assert row["name"] == "mlp"
    assert row["seconds"] > 0


def test_the_command(tmp_path, monkeypatch, capsys):
    """Not timed: the rows of startup are made up, and the settings small."""
    row = {"name": "something", "seconds": 1.25, "every_seconds": [1.25]}
    monkeypatch.setattr(startup, "imports", lambda _: [row])
    monkeypatch.setattr(startup, "compilations", lambda _: [row])
    monkeypatch.setattr(scaling, "groups", lambda: {"seeds": {1: BASE}})
    monkeypatch.setattr(scaling, "turns", lambda *_: lambda: 500.0)
    out = tmp_path / "results/scaling.json"
    scaling.main(rounds=1, operations_a_turn=0, out=out)
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("seeds")).split()
    assert line[:2] == ["seeds", "1"]
    assert (line[3], line[5]) == ("1.00", "1.00")
    assert [line.split() for line in lines].count(["something", "1.25", "s"]) == 2
    saved = json.loads(out.read_text())
    assert {"command", "date", "machine", "circumstances", "rows"} <= set(saved)
    assert saved["rows"][0]["loss"] == 500
    assert saved["imports"] == saved["compilations"] == [row]
