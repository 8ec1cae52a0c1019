"""What follows training, or does not: scores, pictures, events for TensorBoard."""

import struct

import pytest
from tiny_runs import read, resume, rows, shorten, train

from vae_jax import runs
from vae_jax.runs import Watch, events, pace
from vae_jax.runs.folder import read_rows

OPTIONS = {"epochs": 2, "hidden": 4, "latents": 2, "batch_size": 479, "evaluate_every": 1}


def test_a_run_without_scores_and_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runs.work, "score", None)
    monkeypatch.setattr(runs.work, "save_pictures", None)
    folder = train(tmp_path / "run", "digits", **OPTIONS, no_score=True, no_pictures=True)
    assert not (folder / "evaluation.json").exists()
    assert list((folder / "pictures").iterdir()) == []
    assert read(folder, "status.json")["state"] == "finished"
    report = (folder / "report.html").read_text()
    assert "None were asked for: vae_jax evaluate makes them." in report
    assert "None were asked for.<" in report
    assert resume(folder) == 0
    assert "Run folder:" in capsys.readouterr().out


def test_so_many_importance_samples(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    folder = train(tmp_path / "run", "digits", **OPTIONS, importance_samples=7)
    log_p = read(folder, "evaluation.json")["log_likelihood"]
    assert log_p["importance_samples"] == 7
    # of which fewer count than a standard error may be believed of
    advice = "read the value as a lower bound on log p(x), whose own standard error says little"
    assert log_p["reading"].startswith("Of 7 samples an example, ")
    assert advice in log_p["reading"]
    assert "--importance-samples 70" in log_p["reading"]
    assert advice in (folder / "report.html").read_text()


def test_scoring_that_takes_longer_than_training_is_foretold(tmp_path, monkeypatch, capsys):
    """By a clock on which a batch takes an hour."""
    hours = iter(range(0, 10**7, 3600))
    slow = lambda *given: pace.foretold(*given, lambda: next(hours))  # noqa: E731
    monkeypatch.setattr(runs.work, "foretold", slow)
    shorten(monkeypatch, pictures=False)
    train(tmp_path / "run", "digits", **{**OPTIONS, "epochs": 1})
    said = capsys.readouterr().out
    assert "Scoring will take about 28800 s, where training took" in said  # 8 batches
    assert "Of another run --importance-samples <fewer than 10> makes it shorter." in said


def scalars(folder):
    """(tag, epoch, value) of each event, and the epochs from which TensorBoard begins anew."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found, begun = [], []
    for path in sorted((folder / "events").iterdir()):
        content, place = path.read_bytes(), 0
        while place < len(content):  # a length, its checksum, the event, its checksum
            (length,) = struct.unpack_from("<Q", content, place)
            event = event_pb2.Event.FromString(content[place + 12 : place + 12 + length])
            place += 16 + length
            found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
            if event.HasField("session_log"):
                begun.append(event.step)
    return found, begun


def test_events_for_tensorboard_are_the_rows(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    folder = train(tmp_path / "run", "digits", **OPTIONS, tensorboard=True)
    runs.resume(folder, epochs=4, watch=Watch(stop=lambda: True))
    found, begun = scalars(folder)
    expected = [
        (f"{row['data']}/{name}", row["epoch"], value)
        for row in rows(folder)
        for name, value in row.items()
        if name not in ("data", "epoch", "step")
    ]
    assert len(expected) > 20
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert [one[2] for one in found] == pytest.approx([one[2] for one in expected])
    assert begun == [1, 3]


def test_tensorboard_without_tensorboardx(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(events.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AssertionError):
        train(tmp_path / "run", "digits", tensorboard=True)
    message = capsys.readouterr().err
    assert "--tensorboard needs tensorboardX, which is not installed" in message
    assert "pip install '.[tensorboard]'" in message
    assert read_rows(tmp_path / "run" / "metrics.jsonl") == []
    assert list(tmp_path.iterdir()) == []
