"""`--profile`: a trace of some steps, and a run that is what it would be without."""

import gzip
import json

from tiny_runs import read, resume, shorten, timeless, train

GIVEN = {"epochs": 1, "hidden": 4, "latents": 2, "batch_size": 100, "no_score": True}


def test_some_steps_are_traced_and_the_run_is_the_same(tmp_path, monkeypatch, capsys):
    shorten(monkeypatch, pictures=False)
    traced = train(tmp_path / "traced", "digits", profile=True, **GIVEN)
    assert f"14 steps were traced into {traced / 'profile'}." in capsys.readouterr().out
    assert read(traced, "config.json")["training"]["profile"] is True
    (trace,) = traced.glob("profile/plugins/profile/*/*.trace.json.gz")
    assert list(trace.parent.glob("*.xplane.pb")) != []
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    programs = {event.get("args", {}).get("hlo_module") for event in events}
    assert "jit_scanned_epoch" in programs  # the operations of its steps
    assert timeless(traced) == timeless(train(tmp_path / "plain", "digits", **GIVEN))
    assert resume(traced, "--epochs", "2") == 0
    assert "were traced" not in capsys.readouterr().out
    assert len(list(traced.glob("profile/plugins/profile/*"))) == 1
