"""The command that asks an accelerator everything: its parts in tiny sizes, and what it does where
they hang, fail, or have no time left."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from experiments.accelerator import __main__ as command
from experiments.accelerator import begun as rows
from experiments.accelerator import big, fast, lanes, plan, published, right, steps, tables
from experiments.accelerator import tables_of_speed as speed
from experiments.accelerator.jax_lanes import digest
from experiments.accelerator.lanes import Lane, play, warmed_up
from experiments.accelerator.task import Notes, Task, runs_of
from experiments.accelerator.where import _kind, profile
from experiments.benchmarks.contest import ROOT, Contestant
from experiments.papers.iwae import results, scores, together
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
SLEEPER = """
import json, sys, time
from experiments.accelerator.task import Notes, Task
task = Task(**json.loads(sys.argv[sys.argv.index("--task") + 1]))
Notes(task, sys.argv[sys.argv.index("--part") + 1]).keep("one", {"value": 1})
time.sleep(100)
"""


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "IMPORTANCE_SAMPLES", 50)
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
    assert list(found) == ["oracle", "order of the bounds", "precision", "bits, mlp"]
    for bounds in (found["oracle"][name] for name in right.PRECISIONS):
        assert max(error["largest"] for error in bounds.values()) < 1e-4
    assert found["order of the bounds"]["in_order"]
    assert found["order of the bounds"]["steps"][0]["value"] > 0.1
    assert found["precision"]["highest"]["elbo"]["largest_difference"] == 0
    for flags in ("as it is", "deterministic"):
        equal = found["bits, mlp"][flags]
        assert equal["seconds_a_step"] > 0
        names = ("equal_in_a_process", "equal_in_another", "equal_when_resumed")
        assert [equal[name] for name in names] == [True] * 3
    shown = tables._right(found)
    assert sum("| mlp | deterministic | " in table for table in shown) == 1


def test_a_digest_is_of_the_bits():
    params = {"a": np.float32([0.0, 1.0])}
    assert digest(params) == digest({"a": np.float32([0.0, 1.0])})
    assert digest(params) != digest({"a": np.float32([-0.0, 1.0])})


@needs_mnist
def test_the_rows_are_trained_scored_and_not_run_again(task):
    published.run(task)
    found = items(task, "published")
    assert list(found) == ["fixed-1-iwae-5", "dynamic-2-iwae-5-dreg", "dynamic-1-iwae-64"]
    assert [len(item["negative_log_likelihood"]) for item in found.values()] == [3, 3, 1]
    cells = results.load(Path(task.out) / "iwae.json")
    assert len(cells) == 7
    assert all(cell["nll"]["value"] < 543 - 50 for cell in cells)  # at chance: 784 log 2
    assert all(item["took_seconds"] >= item["scoring_seconds"] for item in found.values())
    assert plan.plan(task) == []


@needs_mnist
def test_a_row_that_fails_costs_itself_alone(task, monkeypatch):
    """What is trained and could not be scored is scored by the next run, and not trained again."""
    monkeypatch.setattr(plan, "_TINY", ("fixed-1-iwae-5", "dynamic-1-iwae-64"))
    began = rows.begin

    def begin(task, training):
        if training.cells[0].row.name == "fixed-1-iwae-5":
            raise ArithmeticError("the loss is nan")
        return began(task, training)

    monkeypatch.setattr(rows, "begin", begin)
    monkeypatch.setattr(rows, "score", lambda *_: 1 / 0)
    published.run(task)
    found = items(task, "published")
    assert found["fixed-1-iwae-5"] == {"failed": "ArithmeticError: the loss is nan"}
    assert found["dynamic-1-iwae-64"]["failed"].startswith("ZeroDivisionError")
    monkeypatch.setattr(rows, "begin", began)
    monkeypatch.setattr(rows, "score", lambda _, begun: {"trained_in": begun.seconds})
    monkeypatch.setattr(rows, "_advance", lambda *_: pytest.fail("it was trained already"))
    monkeypatch.setattr(plan, "_TINY", ("dynamic-1-iwae-64",))
    published.run(task)
    run = runs_of(Path(task.out) / "accelerator_published.json")[-1]
    assert run["items"]["dynamic-1-iwae-64"]["trained_in"] > 0
    assert run["left_out"] == {}


@needs_mnist
def test_a_row_that_does_not_fit_is_begun_and_gone_on_with(task, monkeypatch):
    monkeypatch.setattr(plan, "_TINY", ("fixed-1-iwae-5",))
    monkeypatch.setattr(published, "_FIRST_SCORING", 1e9)  # so that it does not fit
    monkeypatch.setattr(published, "_RESERVE", 1e9)  # nor another chunk of it
    published.run(task)
    (run,) = runs_of(Path(task.out) / "accelerator_published.json")
    assert run["left_out"] == {"fixed-1-iwae-5": "begun: 2 of 3 passes"}
    (cells,) = plan.plan(task)
    training = together.training(cells, RAW, 60)
    assert rows.begin(task, training).epoch == 3
    assert results.load(Path(task.out) / "iwae.json") == []


def test_rows_of_any_accelerator_are_done_and_the_costly_have_one_seed_first(task, monkeypatch):
    names = [plan.name_of(cells) for cells in plan.plan(task._replace(dry=False))]
    assert "dynamic-1-iwae-5" not in names  # results/iwae.json has it, of another machine
    kept = results.load(ROOT / "results" / "iwae.json")
    done = {cell["row"] for cell in kept if cell["machine"] != "cpu"}
    assert names[0] == next(name for name in plan.ROUTINE if name not in done)
    assert len(set(names)) == len(names)
    first, others = names.index("fixed-2-vae-50"), names.index("dynamic-1-iwae-50, seeds 1, 2")
    assert first < names.index("fixed-2-vae-5") < others


def test_is_it_fast(task, monkeypatch):
    monkeypatch.setattr(fast, "torch_here", lambda: ("2.0", False))
    fast.run(task)
    found = items(task, "fast")
    assert list(found)[:2] == ["iwae k=1, batch 5", "iwae k=1, batch 7"]
    own = found["iwae k=1, batch 5"]["contestants"]
    seconds = {name: row["seconds"] for name, row in own.items() if "failed" not in row}
    plain = {"vae_jax", "matrix products", "flax example"}
    variants = ("loops in a graph", "3,000 steps a turn", "4 seeds")
    assert set(seconds) == plain | {f"vae_jax, {variant}" for variant in variants}
    counts = {name: row["gflops"] * row["seconds"] for name, row in own.items() if name in seconds}
    assert counts["vae_jax, 4 seeds"] == pytest.approx(4 * counts["vae_jax"])
    assert own["PyTorch, eager"]["failed"] == "not run: torch sees no GPU"
    likelihoods = [found[f"likelihood, {size}"] for size in ("50 x 100", "1000 x 250")]
    assert likelihoods[0]["log_likelihood"] == pytest.approx(likelihoods[1]["log_likelihood"])
    assert found["products, 1000 x 250"]["seconds"] > 0
    assert "saw no kernels" in found["where, iwae k=1"]["failed"]
    good = {name: item for name, item in found.items() if "failed" not in item}
    shown = "\n".join(speed.fast(good))
    assert "| iwae k=1, batch 5 | " in shown
    assert "| products, 50 x 100 | highest | " in shown


def test_lanes_that_may_be_late_are_in_processes_of_their_own():
    found = steps.lanes_of(fast.CASES["conv"], torch=True, dry=False)
    of = {(lane.group, lane.name): lane.process for lane in found}
    assert of["conv, batch 1024", "matrix products, bfloat16"] == "bfloat16: conv"
    assert of["conv, batch 1024", "vae_jax"] == "batch 1024: conv"
    assert of["conv, batch 128", "vae_jax, 64 seeds"] == "seeds: conv"


def test_flags_are_added_to_those_that_are_there(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_a=1")
    (graphs,) = steps.processes_of([Lane("", "", "graphs: iwae k=1", {})])
    assert graphs.environment["XLA_FLAGS"] == f"--xla_a=1 {steps.WHILE}"


def test_is_it_big(task):
    big.run(task)
    found = items(task, "big")
    assert found["8x8 RGB, bfloat16, 4"]["images_a_second"] > 0
    assert "does not say how much memory" in found["8x8 RGB, bfloat16, the most"]["failed"]
    assert set(found["random bits, mlp"]["share_of_a_step"]) == {"threefry2x32", "rbg"}
    assert list(found)[-1] == "random bits, mlp"


def test_the_largest_batch_is_what_did_not_fail(task, monkeypatch):
    """Of a device of so much memory, on which the first try fails."""
    size, ran = big.Size(8, (4, 4), "float32"), big._run
    device = SimpleNamespace(memory_stats=lambda: {"bytes_limit": 20_000_000})
    tried = []

    def run(compiled, states, size, batch):
        tried.append(batch)
        if len(tried) == 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no memory")
        return ran(compiled, states, size, batch)

    monkeypatch.setattr(big, "_run", run)
    monkeypatch.setattr(big.jax, "devices", lambda: [device])
    found = big.largest(size, 4, task)
    first, second = tried
    assert found["batch"] == second < 0.76 * first
    assert found["too_much"] == {first: "JaxRuntimeError: RESOURCE_EXHAUSTED: no memory"}
    with pytest.raises(TimeoutError, match="no time was left"):
        big.largest(size, 4, task._replace(until=0.0))


def test_where_says_that_there_is_no_accelerator():
    with pytest.raises(RuntimeError, match="saw no kernels"):
        profile(lambda: float(jax.numpy.zeros(3).sum()), 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sm90_xmma_fprop_implicit_gemm_tf32", "convolutions"),
        ("cutlass__5x_cudnn::Kernel<dgrad>", "convolutions"),
        ("loop_convert_fusion", "elementwise"),
        ("gemm_fusion_dot_31", "products"),
        ("MemcpyD2D", "copies"),
    ],
)
def test_a_kernel_is_known_by_its_name(name, kind):
    assert _kind(name) == kind


def played(lanes, contestants, seconds):
    with warmed_up(lanes, contestants, seconds) as ready:
        return dict(play(ready, rounds=2, until=time.time() + 1e3))


def test_lanes_that_fail_or_are_late_cost_themselves_alone(tmp_path):
    (tmp_path / "child.py").write_text(CHILD)
    run = (sys.executable, str(tmp_path / "child.py"))
    contestants = [Contestant(name, run) for name in ("a", "b", "c")]
    found = [
        Lane("first", "good", "a", {"steps": 1}),
        Lane("first", "fails", "b", {"steps": 1, "answer": {"failed": "no memory"}}),
        Lane("second", "too", "b", {"steps": 2}),
        Lane("second", "slow", "c", {"steps": 2, "sleeps": 2.5}),
        Lane("second", "behind it", "c", {"steps": 2}),
    ]
    found = played(found, contestants, 2)
    assert found["first"]["good"].seconds == (1, 1)
    assert found["first"]["fails"].failed == "no memory"
    assert found["second"]["too"].seconds == (2, 2)
    assert found["second"]["slow"].seconds == (2, 2)  # begun in time, and waited for
    assert found["second"]["behind it"].failed == "not ready in time"


def test_a_process_that_is_ended_costs_its_own_lanes_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "_GRACE", 0.2)
    (tmp_path / "child.py").write_text(CHILD)
    run = (sys.executable, str(tmp_path / "child.py"))
    found = [
        Lane("group", "ready", "a", {"steps": 1}),
        Lane("group", "late", "a", {"steps": 1, "sleeps": 30}),
        Lane("group", "other", "b", {"steps": 2}),
    ]
    records = played(found, [Contestant(name, run) for name in ("a", "b")], 2)["group"]
    assert records["late"].failed == "not ready in time"
    assert records["ready"].failed.startswith("ended with status -9")
    assert records["other"].seconds == (2, 2)


def test_a_turn_that_hangs_is_ended_and_rounds_that_were_complete_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "_PATIENCE", 0.2)
    (tmp_path / "child.py").write_text(CHILD)
    run = (sys.executable, str(tmp_path / "child.py"))
    found = [
        Lane("group", "hangs", "a", {"steps": 1, "sleeps": 1}),
        Lane("group", "other", "b", {"steps": 2}),
    ]
    with warmed_up(found, [Contestant(name, run) for name in ("a", "b")], 5) as ready:
        ((_, records),) = play(ready, rounds=1000, until=time.time() + 0.5)
        assert records["hangs"].failed == "no answer in time"
        assert len(records["other"].seconds) > 0
        ((_, records),) = play(ready, rounds=1, until=0.0)
        assert records["other"].failed == "no time was left"


def test_an_item_that_fails_or_has_no_time_costs_itself_alone(task):
    notes = Notes(task._replace(until=time.time() + 5), "right", ["good", "never"])
    notes.item("fails", lambda: 1 / 0)
    notes.item("too long", lambda: {"value": 1}, seconds=60)
    notes.item("good", lambda: {"value": 2})
    (run,) = runs_of(Path(task.out) / "accelerator_right.json")
    assert run["items"]["fails"]["failed"] == "ZeroDivisionError: division by zero"
    assert run["items"]["good"]["value"] == 2
    assert list(run["items"]) == ["fails", "good"]
    assert run["left_out"].pop("too long").endswith("of about 60")
    assert run["left_out"] == {"never": "not reached"}
    Notes(task, "right").keep("another run", {})
    assert len(runs_of(Path(task.out) / "accelerator_right.json")) == 2


@pytest.fixture
def places(tmp_path):
    for name in ("mnist", "static_mnist"):
        (tmp_path / name).mkdir()
    return ["--raw", str(tmp_path), "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]


def test_a_part_is_a_process_and_has_the_time_it_is_given(places, tmp_path, capfd):
    assert command.main([*places, "--parts", "big", "--dry", "--minutes", "0.02"]) == 0
    assert not (tmp_path / "accelerator_big.json").exists()
    (run,) = runs_of(tmp_path / "dry/accelerator_big.json")
    assert run["items"] == {}
    assert len(run["left_out"]) == 4
    assert "left out, 0 s were left" in capfd.readouterr().out
    assert command.main(["--out", str(tmp_path), "--table"]) == 0
    assert "big: not run." in capfd.readouterr().out  # what is dry is shown nowhere


def test_a_part_that_hangs_is_ended_and_what_it_had_is_kept(places, tmp_path, capfd, monkeypatch):
    """A part that keeps an item, and then sleeps."""
    monkeypatch.setattr(command, "_PATIENCE", 20.0)  # in which it starts
    monkeypatch.setattr(command, "PROGRAM", (sys.executable, "-c", SLEEPER))
    assert command.main([*places, "--parts", "right", "--dry", "--minutes", "0.001"]) == 1
    assert "did not end well: right" in capfd.readouterr().out
    (run,) = runs_of(tmp_path / "dry/accelerator_right.json")
    assert run["items"] == {"one": {"value": 1}}


def test_the_raw_files_must_be_there(tmp_path, capfd):
    (tmp_path / "mnist").mkdir()
    with pytest.raises(SystemExit):
        command.main(["--raw", str(tmp_path)])
    assert "must be a folder with static_mnist, the raw files in them" in capfd.readouterr().err


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


def test_an_item_is_that_of_the_last_run_that_has_it(tmp_path):
    name, other = "32x32 RGB, float32, 256", "128x128 RGB, float32, 256"
    its = {**_RUN["items"][name], "images_a_second": 7.0}
    later = {"items": {other: its, name: {"failed": "no memory"}}, "left_out": {"a": "no time"}}
    runs = [_RUN, {**_RUN, **later, "commit": "d"}, {**_RUN, "dry": True, "commit": "e"}]
    files.write_json(tmp_path / "accelerator_big.json", {"runs": runs})
    shown = tables.of_part(tmp_path, "big")
    assert "| 32x32 RGB, float32 | 256 | 12,345 | 1.5 | 2.0 |" in shown
    assert "| 128x128 RGB, float32 | 256 | 7 | 1.5 | 2.0 |" in shown
    assert f"commit c: {name}" in shown
    assert f"commit d: {other}" in shown
    assert "commit e" not in shown
    assert shown.endswith("Left out:\n\n- a: no time")


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
