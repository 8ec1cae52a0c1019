"""The likelihood benchmark: that all estimate the same number, and its work is counted right."""

import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.benchmarks import likelihood, likelihood_jax
from experiments.benchmarks.cases import CASES, Case, images
from experiments.benchmarks.contest import ROOT, Contest, Record
from experiments.benchmarks.dense import calm, load_weights, save_weights
from experiments.benchmarks.models import model
from vae_jax.evaluate import log_likelihoods

PEERS = ROOT / ".peers/bin/python"
SMALL = CASES["iwae k=1"]._replace(encoder=(8, 6), latent=3, decoder=(6, 8))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(CASES, likelihood.CASE, SMALL)
    return SMALL


@pytest.fixture
def weights(small, tmp_path):
    path = tmp_path / "weights.npz"
    save_weights(path, calm(small))
    return path


def work_of(weights: Path, contestant: str = likelihood.OURS, **sizes: int) -> dict:
    return {
        "case": likelihood.CASE,
        "weights": str(weights),
        "importance_samples": 30,
        "steps": 4,
        "contestant": contestant,
        "sizes": {contestant: sizes} if sizes else {},
    }


def test_weights_come_back(small, weights):
    jax.tree.map(np.testing.assert_array_equal, load_weights(weights), calm(small))


def test_our_turn_is_the_likelihood(small, weights):
    """Of fresh draws each turn, and whatever is held at once."""
    turn = likelihood_jax.prepare(work_of(weights))
    values = [turn(), turn()]
    _, key = jax.random.split(jax.random.key(0))
    expected = log_likelihoods(
        model(small), load_weights(weights), key, {"x": images(4)}, num_samples=30
    )
    np.testing.assert_allclose(values[0], expected.value.mean(), rtol=1e-6)
    assert values[0] != values[1]
    sized = likelihood_jax.prepare(work_of(weights, "sized", batch_size=3, chunk_size=7))
    np.testing.assert_allclose([sized(), sized()], values, rtol=1e-5)


def test_where_the_latents_do_not_matter_it_is_exact(small, weights):
    """q = p(z) and logits that are the bias: every draw weighs sum_i log p(x_i)."""
    params = load_weights(weights)
    head, logits = params["encoder"]["head"], params["decoder"]["head"]["logits"]
    for layer in (head["loc"], head["scale"]["log_scale"]):
        layer |= {name: 0 * value for name, value in layer.items()}
    logits["kernel"] = 0 * logits["kernel"]
    save_weights(weights, params)
    x, b = images(4), np.asarray(logits["bias"], np.float64)
    exact = np.sum(x * b - np.logaddexp(0, b), axis=1).mean()
    np.testing.assert_allclose(likelihood_jax.prepare(work_of(weights))(), exact, rtol=1e-5)
    found = likelihood.reference(weights, 4, importance_samples=30)
    np.testing.assert_allclose([found["mean"], found["median_ess"]], [exact, 30], rtol=1e-4)
    assert found["standard_error"] < 1e-3


def test_operations_counted_by_hand():
    """784-3-(2, 2) once, 2-5-784 for each of 10 draws."""
    case = Case("by hand", (3,), 2, (5,), batch=1)
    by_hand = 2 * (784 * 3 + 3 * 4) + 2 * 10 * (2 * 5 + 5 * 784)
    assert likelihood.operations(case, importance_samples=10) == by_hand


@pytest.mark.parametrize("part", likelihood_jax.PARTS)
def test_the_parts_can_be_done(weights, part):
    """They have no likelihood."""
    assert likelihood_jax.prepare(work_of(weights, part))() == 0


def test_memory_does_not_grow_with_the_draws():
    few, many = (likelihood_jax.temporary_bytes(SMALL, k, 3, 10) for k in (20, 20_000))
    assert few == many > 0
    assert likelihood_jax.temporary_bytes(SMALL, 20_000, 3, 100) > many


def test_the_command_without_the_peers(small, tmp_path, monkeypatch, capsys):
    """Not timed: the rows are made up."""
    records = {
        likelihood.OURS: Record((2e-2, 3e-2, 4e-2), (-90.0, -91.0, -92.0)),
        likelihood.LIMIT: Record((1e-2, 1.5e-2, 4e-2), (0.0,) * 3),
        "vae_jax, 1 x 2": Record(failed="ValueError: no"),
    }
    monkeypatch.setattr(likelihood, "measure", lambda *_: Contest(4, records))
    monkeypatch.setattr(likelihood, "temporary_bytes", lambda *_: 5_000_000)
    out = tmp_path / "results/likelihood.json"
    options = {"images": 2, "importance_samples": 4, "rounds": 3}
    likelihood.main(peers=Path("no/such/python"), out=out, **options)
    printed = capsys.readouterr().out
    assert "2 images a turn, of which 10,000 are extrapolated" in printed
    row = next(line for line in printed.splitlines() if line.startswith(likelihood.OURS))
    flops = likelihood.operations(small, 4) / 3e-2 / 1e9
    assert row.split()[2:] == ["300", f"{flops:.1f}", "50%", "1.00", "-91.000"]
    assert "vae_jax, 1 x 2: ValueError: no" in printed
    assert "5.0 MB for 500 draws, 5.0 MB for 50,000" in printed
    assert "Pythae: not run; `make peers` makes its environment." in printed
    saved = json.loads(out.read_text())
    assert {"command", "date", "machine", "circumstances", "peers", "rows"} <= set(saved)
    assert saved["rows"][0]["seconds_extrapolated"] == pytest.approx(300)
    assert saved["temporary_bytes"] == {"500": 5_000_000, "50000": 5_000_000}


@pytest.mark.skipif(not PEERS.exists(), reason="no PyTorch and Pythae here: make peers")
def test_pythae_estimates_the_same(tmp_path):
    """Given the same weights, as exactly as so many draws tell."""
    weights = tmp_path / "weights.npz"
    save_weights(weights, calm(CASES[likelihood.CASE]))
    run = likelihood.measure(weights, str(PEERS), 3, 1000, rounds=1, sizes=((1, 200),))
    assert {name: record.failed for name, record in run.records.items() if record.failed} == {}
    values = {n: r.values[0] for n, r in run.records.items() if n not in likelihood.PARTS}
    assert list(values) == [likelihood.OURS, "vae_jax, 1 x 200", "Pythae, 100", "Pythae, 1,000"]
    expected = likelihood.reference(weights, 3, 1000)
    error = 4 * math.sqrt(2) * expected["standard_error"]
    assert error < 0.3
    np.testing.assert_allclose(list(values.values()), expected["mean"], rtol=0, atol=error)


@pytest.mark.skipif(not PEERS.exists(), reason="no PyTorch and Pythae here: make peers")
def test_pythae_is_not_asked_for_what_it_would_not_draw(tmp_path):
    """250 in batches of 100 would be 200."""
    weights = tmp_path / "weights.npz"
    save_weights(weights, calm(CASES[likelihood.CASE]))
    run = likelihood.measure(weights, str(PEERS), 1, 250, rounds=1)
    assert "would not draw 250 times in batches of 100" in run.records["Pythae, 100"].failed
    assert run.records["Pythae, 250"].failed is None
