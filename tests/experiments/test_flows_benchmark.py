"""The comparison of flows: what it is compared with is a density, and a training is a row."""

import json

import numpy as np

from experiments.benchmarks import flows
from experiments.benchmarks.moons import log_density, moons


def test_the_moons_have_the_density_they_are_drawn_from():
    """It integrates to one, and its entropy is that of their draws on another sample."""
    side = np.arange(-2.0, 3.0, 0.05)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(log_density(grid))
    np.testing.assert_allclose(density.sum() * 0.05**2, 1, rtol=1e-3)
    found = log_density(moons(2000, 0))
    expected = (density * np.log(np.maximum(density, 1e-300))).sum() * 0.05**2
    assert abs(found.mean() - expected) < 4.5 * found.std() / np.sqrt(len(found))


def test_rows_are_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(flows, "FLOWS", {"maf": flows.maf(2, 1, (4,))})
    how = {"number": 60, "epochs": 1, "batch_size": 20, "seeds": 1}
    flows.main(tmp_path / "no_python", **how, out=tmp_path / "flows.json")
    (row,) = json.loads((tmp_path / "flows.json").read_text())["rows"]
    assert row["who"] == "vae_jax"
    assert np.isfinite(row["log_p"])
    said = capsys.readouterr().out
    assert "| one Gaussian | -2.057 |" in said
    assert "flowjax: not run; `make peers` makes its environment." in said
