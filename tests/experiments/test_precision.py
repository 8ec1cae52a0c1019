"""The table of bfloat16, of a tiny row."""

import json

import numpy as np
from tiny_runs import bytes_of

from experiments.benchmarks import precision
from vae_jax.configs.choices import Choices


def tiny(raw, folder):
    """Noise."""
    np.save(folder / "noise.npy", bytes_of(60))
    return folder / "noise.npy"


def test_a_row_is_three_runs(tmp_path, monkeypatch, capsys):
    choices = Choices(network="mlp", hidden=(4, 3), likelihood="bernoulli")
    monkeypatch.setattr(precision, "ROWS", {"tiny": precision.Row(choices, 1, batch_size=20)})
    monkeypatch.setattr(precision, "mnist", tiny)
    out = tmp_path / "precision.json"
    assert precision.main(raw=tmp_path, out=out) == 0
    found = json.loads(out.read_text())
    assert found["command"].startswith("python -m experiments.benchmarks.precision")
    row = found["rows"]["tiny"]
    assert row["steps"] == 2
    assert row["more"]["value"] != row["more_in_full"]["value"] != row["float32"]["value"]
    assert abs(row["more"]["value"]) < 0.5 < abs(row["float32"]["value"])
    capsys.readouterr()
    assert precision.main(table=True, out=out) == 0
    assert f"| tiny | 2 | {row['float32']['value']:.2f} | " in capsys.readouterr().out
