"""How long things take: epochs within a time, and a loop whose end is foretold."""

import pytest
from tiny_runs import read, resume, rows, shorten

from vae_jax.cli.train import main
from vae_jax.configs import CONFIGS
from vae_jax.runs import Training
from vae_jax.runs import pace as runs_pace
from vae_jax.runs import trial as runs_trial
from vae_jax.runs.pace import Pace, epochs_within, foretold, measured, seconds_of


class Clock:
    """Times, one after another."""

    def __init__(self, *times):
        self.times = iter(times)

    def __call__(self):
        return next(self.times)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("0.5m1s", 31)]
)
def test_a_time(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-5m", "5 m", "5m1h"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=f"time must be such as 90s, 5m or 1h30m; got '{text}'"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "every", "epochs"),
    [
        (100, 1, 8),  # of 90 s: 10 to get ready, and 8 * (7 + 3)
        (100, 4, 10),  # 10 * 7 and 3 evaluations, at 4, 8 and 10, are 79; 11 are 96
        (1000, None, 122),  # of 900 s: 10, 854, and 11 evaluations, one every 12
        (19, 1, None),
    ],
)
def test_as_many_epochs_as_end_within_the_time(seconds, every, epochs):
    given = (
        seconds,
        Pace(step=0.7, evaluation=3.0, ready=10.0),
        10,
        Training(evaluate_every=every),
    )
    if epochs is not None:
        assert epochs_within(*given) == epochs
        return
    with pytest.raises(ValueError, match=r"One epoch takes about 20 s .* 19 s are left"):
        epochs_within(*given)


def test_an_end_is_foretold_when_it_can_be_known():
    told, seen = [], []
    loop = foretold(iter, 10.0, told.append, Clock(0, 5, 7, 8, 9))
    for batch in loop(range(5)):
        seen.append((batch, list(told)))
    assert told == [7 + 3 * 2]  # what is behind it, and three batches as fast as the second
    assert seen == [(0, []), (1, []), (2, told), (3, told), (4, told)]


def test_an_end_that_is_near_is_not_worth_a_word():
    told = []
    assert list(foretold(iter, 13.0, told.append, Clock(0, 5, 7, 8, 9))(range(5))) == [*range(5)]
    assert told == []


@pytest.mark.parametrize("enough", [2, 28])
def test_a_pace_is_of_the_steps_and_of_the_rest(enough, monkeypatch):
    """Of two rounds the first compiles; a second measurement has as many steps as take a second."""
    asked = []

    def fit(model, step, data, *, report, batch_size, **options):
        asked.append(len(data["x"]) // batch_size)
        for _ in range(2):
            report({"data": "train", "seconds": asked[-1] / enough}, None)
            if options["held_out"] is not None:
                report({"data": "held_out"}, None)

    monkeypatch.setattr(runs_trial, "fit", fit)
    digits = CONFIGS["digits"]()
    given = (digits, digits.examples.load(), Training(pictures=False))
    found = measured(*given, Clock(0, 30, 40, 100, 150, 160))
    second = asked[1] / enough
    assert found == Pace(1 / enough, evaluation=10 - second, ready=40)
    assert asked == [4, max(4, enough)]


def test_a_run_that_is_to_end_within_a_time(tmp_path, monkeypatch, capsys):
    shorten(monkeypatch, pictures=False)
    monkeypatch.setattr(runs_pace, "measured", lambda *_: Pace(step=7.0, evaluation=1.0, ready=0.0))
    folder, given = tmp_path / "run", ["digits", "--hidden=4", "--latents=2", "--batch-size=479"]
    assert main([*given, "--time", "1m", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "2 epochs of about 21 s, and 1 s for an evaluation, end within 1m." in said
    config = read(folder, "config.json")
    assert (config["options"]["epochs"], config["training"]["time"]) == (2, "1m")
    assert [row["epoch"] for row in rows(folder) if row["data"] == "train"] == [1, 2]
    assert resume(folder) == 0
    assert main(["--like", str(folder), "--epochs", "1", "--out", str(tmp_path / "b")]) == 0
    assert read(tmp_path / "b", "config.json")["training"]["time"] is None


def test_times_that_make_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for options, message in (
        (["--time", "5"], "time must be such as 90s, 5m or 1h30m; got '5'"),
        (["--time", "5m", "--epochs", "3"], "leave one of --time and --epochs out"),
        (["--time", "5m", "--seeds", "3"], "--epochs <a number>, and no time"),
    ):
        assert main(["digits", *options]) != 0
        assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_pace_of_a_run(tmp_path):
    """Of the machine itself: whatever it is, it is above 0."""
    digits = CONFIGS["digits"](latents=2, batch_size=718)
    found = measured(digits, digits.examples.load(), Training(pictures=False))
    assert found.step > 0
    assert found.ready > 0
