"""The command that asks an accelerator everything: its parts in tiny sizes, and what it does where
they hang, fail, or have no time left."""

import os
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.accelerator import __main__ as command
from experiments.accelerator import big, fast, published, right, tables
from experiments.accelerator.jax_lanes import digest
from experiments.accelerator.lanes import Lane, play
from experiments.accelerator.task import Notes, Task, runs_of
from experiments.accelerator.where import profile
from experiments.benchmarks.contest import ROOT, Contestant
from experiments.papers.iwae import results
from vae_jax.runs import folder as files

RAW = Path(os.environ.get("VAE_JAX_TEST_DATA") or ROOT.parent / "shared/data")
needs_mnist = pytest.mark.skipif(
    not (RAW / "mnist").is_dir(), reason="the raw files of MNIST are not on this machine"
)
CHILD = """
import json, sys, time
for line in sys.stdin:
    work = json.loads(line)
    time.sleep(work.get("sleeps", 0))
    print(json.dumps(work.get("answer") or {"seconds": work["steps"], "value": 1.0}), flush=True)
"""


@pytest.fixture
def task(tmp_path):
    return Task(str(RAW), str(tmp_path / "out"), str(tmp_path / "runs"), time.time() + 1e4, 9, True)


def items(task, part):
    (run,) = runs_of(Path(task.out) / f"accelerator_{part}.json")
    assert run["command"].startswith("python -m experiments.accelerator --raw FOLDER")
    assert {"card", "versions", "commit", "date"} <= set(run)
    return run["items"]


@needs_mnist
def test_is_it_right(task):
    right.run(task)
    found = items(task, "right")
    assert list(found) == ["oracle", "order of the bounds", "precision", "bits"]
    for bounds in (found["oracle"][name] for name in right.PRECISIONS):
        assert max(error["largest"] for error in bounds.values()) < 1e-4
    assert found["order of the bounds"]["in_order"]
    assert found["order of the bounds"]["steps"][0]["value"] > 0.1
    assert found["precision"]["highest"]["elbo"]["largest_difference"] == 0
    for flags in ("as it is", "deterministic"):
        equal = found["bits"]["mlp"][flags]
        names = ("equal_in_a_process", "equal_in_another", "equal_when_resumed")
        assert [equal[name] for name in names] == [True] * 3
    shown = tables._right(found)
    assert sum("| mlp |" in table for table in shown) == 1


def test_a_digest_is_of_the_bits():
    params = {"a": np.float32([0.0, 1.0])}
    assert digest(params) == digest({"a": np.float32([0.0, 1.0])})
    assert digest(params) != digest({"a": np.float32([-0.0, 1.0])})


@needs_mnist
def test_the_rows_are_trained_scored_and_not_run_again(task):
    published.run(task)
    found = items(task, "published")
    assert list(found) == ["fixed-1-iwae-5", "dynamic-1-iwae-64"]
    assert [len(item["negative_log_likelihood"]) for item in found.values()] == [3, 1]
    cells = results.load(Path(task.out) / "iwae.json")
    assert len(cells) == 4
    assert all(cell["nll"]["value"] < cell["negative_elbo"]["value"] + 1 for cell in cells)
    assert published.plan(task) == []


@needs_mnist
def test_a_row_that_does_not_fit_is_begun_and_gone_on_with(task, monkeypatch):
    monkeypatch.setattr(published, "_TINY", ("fixed-1-iwae-5",))
    monkeypatch.setattr(published, "_SCORING", 1e9)  # so that it does not fit
    monkeypatch.setattr(published, "_refused", lambda *_: None)
    published.run(task)
    (run,) = runs_of(Path(task.out) / "accelerator_published.json")
    assert run["left_out"] == {"fixed-1-iwae-5": "begun: 3 of 3 passes"}
    (training,) = published.plan(task)
    assert published._begin(task, training).epoch == 3
    assert results.load(Path(task.out) / "iwae.json") == []


def test_is_it_fast(task):
    fast.run(task)
    found = items(task, "fast")
    assert list(found)[:2] == ["iwae k=1, batch 5", "iwae k=1, batch 7"]
    own = found["iwae k=1, batch 5"]["contestants"]
    seconds = {name: row["seconds"] for name, row in own.items() if "failed" not in row}
    plain = {"vae_jax", "matrix products", "flax example"}
    assert set(seconds) == plain | {"vae_jax, loops in a graph", "vae_jax, 4 seeds"}
    assert own["PyTorch, eager"]["failed"] == "not run: torch sees no GPU"
    assert [row["contestant"] for row in found["likelihood"]["rows"]][-1] == "matrix products"
    assert "saw no kernels" in found["where, iwae k=1"]["failed"]
    shown = "\n".join(tables._fast(found))
    assert "| iwae k=1, batch 5 | " in shown


def test_is_it_big(task):
    big.run(task)
    found = items(task, "big")
    assert found["8x8 RGB, bfloat16, 4"]["images_a_second"] > 0
    assert "does not say how much memory" in found["8x8 RGB, bfloat16, the most"]["failed"]
    assert set(found["random bits, mlp"]["share_of_a_step"]) == {"threefry2x32", "rbg"}


def test_where_says_that_there_is_no_accelerator():
    with pytest.raises(RuntimeError, match="saw no kernels"):
        profile(lambda: float(jax.numpy.zeros(3).sum()), 1)


def test_lanes_that_fail_or_are_late_cost_themselves_alone(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    run = (sys.executable, str(tmp_path / "child.py"))
    contestants = [Contestant(name, run) for name in ("a", "b", "c")]
    lanes = [
        Lane("first", "good", "a", {"steps": 1}),
        Lane("first", "fails", "b", {"steps": 1, "answer": {"failed": "no memory"}}),
        Lane("second", "too", "b", {"steps": 2}),
        Lane("second", "slow", "c", {"steps": 2, "sleeps": 2.5}),
        Lane("second", "behind it", "c", {"steps": 2}),
    ]
    found = play(lanes, contestants, rounds=2, warm_up=2, until=time.time() + 1e3)
    assert found["first"]["good"].seconds == (1, 1)
    assert found["first"]["fails"].failed == "no memory"
    assert found["second"]["too"].seconds == (2, 2)
    assert found["second"]["slow"].seconds == (2, 2)  # begun in time, and waited for
    assert found["second"]["behind it"].failed == "not ready in time"


def test_an_item_that_fails_or_has_no_time_costs_itself_alone(task):
    notes = Notes(task._replace(until=time.time() + 5), "right")
    notes.item("fails", lambda: 1 / 0)
    notes.item("too long", lambda: {"value": 1}, seconds=60)
    notes.item("good", lambda: {"value": 2})
    (run,) = runs_of(Path(task.out) / "accelerator_right.json")
    assert run["items"]["fails"]["failed"] == "ZeroDivisionError: division by zero"
    assert run["items"]["good"]["value"] == 2
    assert list(run["items"]) == ["fails", "good"]
    assert run["left_out"]["too long"].endswith("of about 60")
    Notes(task, "right").keep("another run", {})
    assert len(runs_of(Path(task.out) / "accelerator_right.json")) == 2


def test_a_part_is_a_process_and_has_the_time_it_is_given(tmp_path, capfd):
    places = ["--raw", str(RAW), "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert command.main([*places, "--parts", "big", "--dry", "--minutes", "0.02"]) == 0
    (run,) = runs_of(tmp_path / "accelerator_big.json")
    assert run["items"] == {}
    assert len(run["left_out"]) == 4
    assert "left out, 0 s were left" in capfd.readouterr().out
    assert command.main(["--out", str(tmp_path), "--table"]) == 0
    assert "big: not run." in capfd.readouterr().out  # what is dry is shown nowhere


def test_a_part_that_hangs_is_ended(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(command, "_PATIENCE", 0.0)
    places = ["--raw", str(RAW), "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]
    start = time.monotonic()
    assert command.main([*places, "--parts", "right", "big", "--dry", "--minutes", "0.001"]) == 1
    assert time.monotonic() - start < 60
    assert "did not end well: right, big" in capfd.readouterr().out


def test_the_minutes_are_shared():
    plans = command._plans(7.5)
    assert [plan.part for plan in plans] == ["right", "published", "fast", "big"]
    assert sum(plan.seconds for plan in plans) == pytest.approx(60 * 7.5)


def test_what_was_kept_of_an_accelerator_is_shown(tmp_path):
    files.write_json(tmp_path / "accelerator_big.json", {"runs": [_RUN]})
    shown = tables.of_part(tmp_path, "big")
    assert "| 32x32 RGB, float32 | 256 | 12,345 | 1.5 | 2.0 |" in shown
    assert "- 128x128 RGB, float32, 256: no time" in shown
    assert tables.of_part(tmp_path, "fast") == "fast: not run."


_RUN = {
    "dry": False,
    "card": {"kind": "abacus", "driver": None},
    "versions": {"jax": "1"},
    "date": "2026-01-01T00:00:00",
    "commit": "c",
    "items": {
        "32x32 RGB, float32, 256": {
            "batch": 256,
            "images_a_second": 12345.0,
            "bytes_of_the_program": 1.5e9,
            "peak_bytes": 2e9,
        }
    },
    "left_out": {"128x128 RGB, float32, 256": "no time"},
}
