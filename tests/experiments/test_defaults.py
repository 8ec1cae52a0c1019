"""The table of defaults, of a tiny row; and that it is the one in the docs."""

import json

import numpy as np
from tiny_runs import shorten

from experiments.benchmarks import defaults


def tiny(raw, folder):
    """Noise."""
    np.save(folder / "noise.npy", np.random.default_rng(0).normal(size=(60, 3)))
    return folder / "noise.npy"


def test_a_row_is_a_run(tmp_path, monkeypatch, capsys):
    shorten(monkeypatch, pictures=False)
    row = defaults.Row(
        tiny, "vectors", {"hidden": (4, 3)}, {"epochs": 1, "latents": 2, "batch_size": 20}
    )
    monkeypatch.setattr(defaults, "ROWS", {"tiny": row})
    monkeypatch.setattr(defaults, "OUT", tmp_path / "defaults.json")
    assert defaults.main(raw=tmp_path, out=tmp_path / "defaults.json") == 0
    found = json.loads((tmp_path / "defaults.json").read_text())
    assert found["command"].startswith("python -m experiments.benchmarks.defaults")
    scores = found["rows"]["tiny"]["scores"]
    assert {"log_likelihood", "baselines", "active_units"} <= set(scores)
    capsys.readouterr()
    assert defaults.main(table=True, out=tmp_path / "defaults.json") == 0
    (shown,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| Noise")]
    assert "`vectors --data FILE --hidden 4 3 --epochs 1 --latents 2 --batch-size 20`" in shown
    assert f"| {-scores['baselines']['independent']:.1f} |" in shown
