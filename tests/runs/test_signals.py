"""SIGTERM and Ctrl-C: a checkpoint, an exit status, and the same bits in the end."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bits import assert_same_bits
from tiny_runs import read, resume, rows, shorten, timeless, train

from vae_jax.cli import terminal
from vae_jax.cli.signals import Interrupted, Signals, handled
from vae_jax.cli.train import main
from vae_jax.runs import load_run

ROOT = Path(__file__).parents[2]
EPOCHS = 250
OPTIONS = {"epochs": EPOCHS, "hidden": 8, "latents": 2, "evaluate_every": EPOCHS}


def interrupt(arguments, folder, number, epochs):
    """The exit status of a process that is told to end once so many epochs are reported."""
    command = [sys.executable, "-m", "experiments.train", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as process:
        while process.poll() is None and reported(folder) < epochs:
            time.sleep(0.01)
        process.send_signal(number)
        return process.wait(), process.stdout.read()


def reported(folder):
    path = folder / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.exists() else 0


def saved(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path, monkeypatch):
    folder = tmp_path / "interrupted"
    given = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    status, said = interrupt(["digits", *given, "--out", str(folder)], folder, signal.SIGTERM, 20)
    assert status == 75
    assert f"Interrupted; go on with --resume {folder}" in said
    first = rows(folder)[-1]["epoch"]
    assert 20 <= first < EPOCHS
    assert saved(folder) == [first]
    assert read(folder, "status.json")["state"] == "interrupted"
    assert read(folder, "status.json")["epoch"] == first
    assert not (folder / "evaluation.json").exists()

    more = first + 20
    status, said = interrupt(["--resume", str(folder)], folder, signal.SIGINT, more)
    assert status == 130
    assert f"Going on from the checkpoint of epoch {first}." in said
    assert "Traceback" not in said
    assert saved(folder) == [first, rows(folder)[-1]["epoch"]]

    shorten(monkeypatch, pictures=False)
    assert resume(folder) == 0
    whole = train(tmp_path / "whole", "digits", **OPTIONS)
    assert [row["epoch"] for row in rows(folder)[:-1]] == list(range(1, EPOCHS + 1))
    assert timeless(folder) == timeless(whole)
    assert_same_bits(load_run(folder).params, load_run(whole).params)
    scores = [read(run, "evaluation.json")["elbo"] for run in (folder, whole)]
    assert scores[0] == scores[1]


def test_a_signal_in_the_last_epoch_ends_the_run_before_it_is_scored(tmp_path, monkeypatch):
    shorten(monkeypatch, pictures=False)
    options = ["--epochs", "1", "--hidden", "8", "--latents", "2"]
    folder = tmp_path / "run"
    monkeypatch.setattr(
        terminal.EpochBar,
        "update",
        lambda self, row: row["data"] == "train" and os.kill(os.getpid(), signal.SIGTERM),
    )
    assert main(["digits", *options, "--out", str(folder)]) == 75
    assert saved(folder) == [1]
    assert read(folder, "status.json")["state"] == "scoring"
    assert not (folder / "evaluation.json").exists()
    monkeypatch.undo()
    shorten(monkeypatch, pictures=False)
    assert resume(folder) == 0
    assert (folder / "evaluation.json").exists()
    assert read(folder, "status.json")["state"] == "finished"


def test_a_signal_is_waited_with_while_training():
    signals = Signals()
    signals.waiting = True
    assert not signals.received()
    assert signals.status == 0
    signals(signal.SIGTERM, None)
    assert signals.received()
    assert signals.status == 75
    with pytest.raises(Interrupted) as second:
        signals(signal.SIGINT, None)
    assert second.value.status == 130
    signals = Signals()
    signals.waiting = True
    signals(signal.SIGTERM, None)
    with pytest.raises(Interrupted) as ended:
        signals.end_waiting()
    assert ended.value.status == 75


def test_the_signal_after_the_last_ends_the_process(monkeypatch):
    """Whatever it was doing on its way out, and without a traceback of that."""
    signals, left = Signals(), []
    monkeypatch.setattr(os, "_exit", left.append)
    signals.waiting = True
    signals(signal.SIGTERM, None)
    with pytest.raises(Interrupted):
        signals(signal.SIGINT, None)
    assert left == []
    with pytest.raises(Interrupted):
        signals(signal.SIGINT, None)
    assert left == [130]


def test_in_another_thread_nobody_is_told():
    """As where a program with a window trains."""
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lambda: handled().__enter__().received()).result() is False


def test_a_signal_at_any_other_time_ends_the_process_at_once():
    signals = Signals()
    with pytest.raises(Interrupted) as interrupted:
        signals(signal.SIGTERM, None)
    assert interrupted.value.status == 75
    signals = Signals()
    signals.waiting = True
    signals.end_waiting()
    with pytest.raises(Interrupted):
        signals(signal.SIGINT, None)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with handled() as signals:
        assert signal.getsignal(signal.SIGTERM) is signals
        assert signal.getsignal(signal.SIGINT) is signals
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed_is_heeded_but_under_nohup(ignored):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        with handled() as signals:
            found = signal.getsignal(signal.SIGHUP)
            assert found is (signal.SIG_IGN if ignored else signals)
            signals.waiting = True
            os.kill(os.getpid(), signal.SIGHUP)
            assert (signals.received(), signals.status) == ((False, 0) if ignored else (True, 75))
    finally:
        signal.signal(signal.SIGHUP, before)
