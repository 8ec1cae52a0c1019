"""The training benchmark: that all train the same thing, take turns, and are counted right."""

import json
import sys
from pathlib import Path
from typing import get_args

import jax
import numpy as np
import pytest

from experiments.benchmarks import training
from experiments.benchmarks.cases import CASES, CHANCE, Case, Name, images
from experiments.benchmarks.contest import ROOT, Contest, Contestant, Record, contest, ratio
from experiments.benchmarks.jax_side import prepare
from experiments.benchmarks.machine import matrix_products, operations, products

PEERS = ROOT / ".peers/bin/python"
SMALL = {
    name: case._replace(
        encoder=(4, 8) if case.convolutional else (30,) * len(case.encoder),
        decoder=(8, 4) if case.convolutional else (30,) * len(case.decoder),
        latent=3,
        batch=10,
        draws=min(case.draws, 3),
        learning_rate=1e-2,
    )
    for name, case in CASES.items()
}
CHILD = """
import json, sys
log = open(sys.argv[1], "a")
for i, line in enumerate(sys.stdin):
    work = json.loads(line)
    print(work["contestant"], work["steps"], file=log, flush=True)
    if work["contestant"] == "ends" and i == 1:
        sys.exit("out of memory")
    failed = {"failed": "no compiler"} if work["contestant"] == "fails" else None
    scale = {"twice": 2}.get(work["contestant"], 1)
    print(json.dumps(failed or {"seconds": scale * (0.1 + i**2), "value": i}), flush=True)
"""


def test_the_command_offers_every_case():
    assert get_args(Name) == tuple(CASES)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("contestant", ["vae_jax", "flax example"])
def test_a_small_case_trains(contestant, name, monkeypatch):
    """From about 784 log 2, a quarter more at most: random logits and a rate, of no use yet."""
    monkeypatch.setitem(CASES, name, SMALL[name])
    with jax.numpy_rank_promotion("allow"):  # in code that is not ours
        turn = prepare({"case": name, "contestant": contestant, "steps": 2})
        losses = [turn() for _ in range(5)]
    np.testing.assert_allclose(losses[0], CHANCE, rtol=0.25)
    assert losses[-1] < losses[0] - 20


def test_the_pixels_are_binary_and_the_same_for_everyone():
    x = images(50)
    assert x.shape == (50, 784)
    assert x.dtype == np.float32
    assert set(np.unique(x)) == {0.0, 1.0}
    assert 0.1 < x.mean() < 0.3
    np.testing.assert_array_equal(x, images(50))


def test_operations_of_a_case_counted_by_hand():
    """784-3-(2, 2), 2-5-784, B = 10, K = 4: the decoder sees 40 rows; the first layer's input is
    data, and has no gradient."""
    case = Case("by hand", (3,), 2, (5,), batch=10, draws=4)
    encoder = 2 * 10 * (2 * 784 * 3 + 3 * 3 * 4)
    decoder = 2 * 40 * 3 * (2 * 5 + 5 * 784)
    assert operations(case) == encoder + decoder
    assert products(case)[0] == (10, 784, 3)
    assert len(products(case)) == 2 + 3 * 3


def test_operations_of_a_convolution_counted_by_hand():
    """28x28x1 -> 14x14x2 -> D = 3 -> 14x14x5 -> 28x28x5 -> 28x28x1, kernels of 16 pixels."""
    case = Case("by hand", (2,), 3, (5,), batch=10, convolutional=True)
    pixels = 14 * 14
    encoder = 2 * pixels * 16 * 2 + 3 * pixels * 2 * 6
    decoder = 3 * (3 * pixels * 5 + pixels * 5 * 16 * 5 + 4 * pixels * 5)
    assert operations(case) == 2 * 10 * (encoder + decoder)


@pytest.mark.parametrize("name", CASES)
def test_the_matrix_products_can_be_done(name):
    matrix_products(SMALL[name], steps=2)()


@pytest.fixture
def fake(tmp_path):
    """Contestants of given names, and what they were asked."""
    (tmp_path / "child.py").write_text(CHILD)
    log = tmp_path / "log"
    command = (sys.executable, str(tmp_path / "child.py"), str(log))
    return lambda *names: [Contestant(name, command) for name in names], log


def test_contestants_take_turns(fake):
    contestants, log = fake
    run = contest(contestants("once", "twice"), {}, rounds=3, steps=7, pause=0)
    assert log.read_text().splitlines() == ["once 7", "twice 7"] * 4
    once, twice = run.records.values()
    assert once == Record((1.1, 4.1, 9.1), (1, 2, 3))  # without the first turn, the warm-up
    assert ratio(twice, once) == 2
    assert training.as_row(CASES["mlp"], Contest(7, {"vae_jax": once}))["contestants"]["vae_jax"][
        "seconds"
    ] == pytest.approx(4.1)


def test_the_first_contestant_decides_the_steps(fake):
    contestants, log = fake
    run = contest(contestants("once", "twice"), {}, rounds=1, seconds=33, pause=0)
    assert run.steps == 30  # 33 s at 1.1 s a step, as its second turn of three steps had it
    asked = ["once 3", "once 3", "once 30", "twice 30", "once 30", "twice 30"]
    assert log.read_text().splitlines() == asked


def test_a_turn_has_twenty_steps_at_least(fake):
    contestants, _ = fake
    assert contest(contestants("once"), {}, rounds=1, seconds=1, pause=0).steps == 20


def test_who_fails_is_left_out_and_said_to_have(fake):
    contestants, log = fake
    run = contest(contestants("once", "fails", "ends"), {}, rounds=2, steps=1, pause=0)
    assert run.records["fails"].failed == "no compiler"
    assert run.records["ends"].failed == "ended with status 1: out of memory"
    assert len(run.records["once"].seconds) == 2
    assert ratio(run.records["fails"], run.records["once"]) is None
    asked = log.read_text().splitlines()
    assert [asked.count(f"{name} 1") for name in ("once", "fails", "ends")] == [3, 1, 2]


def test_a_contestant_reports_what_it_raises():
    command = (sys.executable, "-m", "experiments.benchmarks.jax_side")
    run = contest([Contestant("nobody", command)], {"case": "mlp"}, rounds=1, steps=1, pause=0)
    assert run.records["nobody"].failed == "KeyError: 'nobody'"


def test_the_command_without_the_peers(tmp_path, monkeypatch, capsys):
    """Not timed: the row is made up."""
    records = {"vae_jax": Record((2e-3,), (300.0,)), "matrix products": Record((1e-3,), (0.0,))}
    records["flax example"] = Record(failed="ValueError: no")
    monkeypatch.setattr(training, "measure", lambda *_: Contest(5, records))
    out = tmp_path / "results/training.json"
    training.main(peers=Path("no/such/python"), rounds=1, cases=("mlp",), out=out)
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("mlp"))
    assert row.split()[:4] == ["mlp", "2,000", "266.3", "50%"]
    assert row.split()[4:] == ["failed", *["not", "run"] * 3]
    assert "mlp, flax example: ValueError: no" in printed
    assert "`make peers` makes their environment" in printed
    saved = json.loads(out.read_text())
    assert {"command", "date", "machine", "circumstances", "peers", "rows"} <= set(saved)
    assert saved["rows"][0]["contestants"]["matrix products"]["times_ours"] == 0.5


@pytest.mark.skipif(not PEERS.exists(), reason="no PyTorch and Pythae here: make peers")
@pytest.mark.parametrize("name", CASES)
def test_the_peers_train_the_same(name):
    """The loss of steps 11 to 20: from initial weights of their own, by Adam alike."""
    run = training.measure(CASES[name], str(PEERS), rounds=1, steps=10)
    assert {name: record.failed for name, record in run.records.items() if record.failed} == {}
    losses = {n: record.values[0] for n, record in run.records.items() if n != training.LIMIT}
    assert max(losses.values()) - min(losses.values()) < 100
    assert max(losses.values()) < CHANCE - 50
