"""The measured alternatives compute the same, so that a ratio of their times means something."""

import json

import jax
import numpy as np
import pytest

from experiments.benchmarks import choices, draws, streaming
from vae_jax.networks import WaveNet


@pytest.mark.parametrize("alternatives", choices.MEASURED)
def test_the_alternatives_agree(alternatives):
    slow, fast = alternatives(images=2)

    def assert_close(a, b):  # a sum that cancels is as exact as the largest
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * np.abs(b).max())

    jax.tree.map(assert_close, slow(), fast())
    assert choices.ratio(slow, fast, rounds=1) > 0


def test_the_ratios_are_kept(monkeypatch, tmp_path, capsys):
    def tiny():
        """Two of the same."""
        return choices.softplus_form(images=2)

    monkeypatch.setattr(choices, "MEASURED", (tiny,))
    choices.main(tmp_path / "choices.json")
    kept = json.loads((tmp_path / "choices.json").read_text())["ratios"]
    assert list(kept) == ["tiny"]
    assert f"{kept['tiny']:5.1f}  Two of the same." in capsys.readouterr().out


@pytest.mark.parametrize("setting", [streaming.arrays, streaming.pictures])
def test_the_ways_of_an_epoch_agree(setting, tmp_path):
    start, ways = setting(tmp_path, images=7, batch_size=3)
    states = {name: epoch(start()) for name, epoch in ways.items()}
    scanned, one_by_one, streamed = (state.params for state in states.values())
    jax.tree.map(np.testing.assert_array_equal, streamed, one_by_one)
    # two steps of adam of 1e-3, of which a rounding may turn a few
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), scanned, one_by_one)
    assert all(state.step == 2 for state in states.values())
    rates = streaming.rates((start, ways), 7, rounds=1)
    assert list(rates) == ["in memory, scanned", "in memory, one by one", "streamed"]
    assert min(rates.values()) > 0


def test_the_times_of_draws_are_kept(monkeypatch, tmp_path, capsys):
    cases = {
        "few places": ("64 characters", lambda: draws.characters(WaveNet((1,), 2))),
        "many": ("28x28 pixels", lambda: draws.pixels(draws.GatedPixelCNN(2, 1, 3))),
    }
    monkeypatch.setattr(draws, "CASES", cases)
    rows = draws.main(number=2, rounds=1, out=tmp_path)
    assert draws.load(tmp_path / "draws.json") == rows
    assert capsys.readouterr().out.splitlines() == draws.table_of(rows).splitlines()
    assert all(r.steps > 0 for r in rows)
    assert rows[0].passes > 0
    assert rows[1].passes is None
