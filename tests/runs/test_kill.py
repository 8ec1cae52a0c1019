"""A run that is killed, and `experiments.kill`, which says whether it ended as if nobody had."""

import json
import shutil

import pytest
from tiny_runs import copy

from experiments import kill


def test_a_killed_run_ends_as_one_that_was_not(capsys):
    assert kill.main(["--kills", "2", "--epochs", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("kill ")]) == 2
    assert lines[-1] == "The same parameters, progress and numbers, bit for bit."


def test_a_difference_is_found(digits, chosen, tmp_path):
    assert kill.differences(digits, copy(digits, tmp_path / "same")) == []
    faults = kill.differences(digits, chosen)
    assert [fault.split(":")[0] for fault in faults] == ["metrics.jsonl", "progress", "parameters"]
    twice = copy(digits, tmp_path / "twice")
    lines = (twice / "metrics.jsonl").read_text().splitlines(keepends=True)
    (twice / "metrics.jsonl").write_text("".join([*lines, lines[-1]]))
    assert kill.differences(digits, twice) == [
        "metrics.jsonl: other numbers, or not each epoch once"
    ]


def test_times_make_no_difference(digits, tmp_path):
    slower = copy(digits, tmp_path / "slower")
    rows = [json.loads(line) for line in (slower / "metrics.jsonl").read_text().splitlines()]
    changed = [{**row, "seconds": 9.0} if "seconds" in row else row for row in rows]
    (slower / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))
    assert kill.differences(digits, slower) == []


def test_what_a_kill_left_is_looked_at(digits, tmp_path):
    folder = copy(digits, tmp_path / "run")
    before = kill.Kill(reached=4, mid_save=False, newest=4, faults=[])
    assert kill._look(folder, [before]) == before
    (folder / "checkpoints" / "5.orbax-checkpoint-tmp-0").mkdir()
    assert kill._look(folder, []).mid_save
    shutil.rmtree(folder / "checkpoints" / "4")
    assert kill._look(folder, [before]).faults == [
        "checkpoint 4 was there, and now the newest is 2"
    ]
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 5')
    assert "ends within a line" in kill._look(folder, []).faults[0]


def test_a_damaged_checkpoint_is_a_fault(digits, tmp_path):
    folder = copy(digits, tmp_path / "run")
    for path in (folder / "checkpoints" / "4").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    assert "damaged" in kill._look(folder, []).faults[0]


def test_going_on_from_elsewhere_is_a_fault(tmp_path, capsys):
    folder = tmp_path / "run"
    (tmp_path / "run.log").write_text("Going on from the checkpoint of epoch 3.\n")
    done = [kill.Kill(reached=5, mid_save=True, newest=4, faults=[])]
    kill._check_resumed(done, folder)
    assert done[0].faults == ["gone on from 3, and the newest checkpoint was 4"]
    assert "in mid-save  gone on from   3  FAULT" in capsys.readouterr().out


def test_fewer_kills_than_asked_for_are_no_success(monkeypatch, capsys):
    monkeypatch.setattr(kill, "undisturbed", lambda *_: 1.0)
    monkeypatch.setattr(kill, "disturbed", lambda *_: [])
    monkeypatch.setattr(kill, "differences", lambda *_: [])
    assert kill.main(["--kills", "2"]) == 1
    assert "finished after 0 of 2 kills: ask for more --epochs" in capsys.readouterr().out


def test_a_process_that_fails_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(kill, "_start", lambda folder, epochs: _Failed())
    (tmp_path / "run.log").write_text("error: no")
    with pytest.raises(RuntimeError, match=r"Training ended with 1:\nerror: no"):
        kill.undisturbed(tmp_path / "run", 3)


class _Failed:
    returncode = 1

    def wait(self):
        return self.returncode
