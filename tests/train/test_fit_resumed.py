"""A run that was interrupted and resumed ends with the same bits as one that was not."""

import shutil

import jax
import numpy as np
import pytest
from bits import assert_same_bits
from small import (
    DATA,
    HELD_OUT,
    STEPS,
    after,
    assert_same_run,
    peak_at,
    refused,
    run,
    timeless,
)

from vae_jax.checkpoint import Checkpoints
from vae_jax.train import Progress

SOURCE = [{"x": x} for x in DATA["x"]]
CASES = {
    "plain": {},
    "averaged": {"step": STEPS["averaged"], "held_out": HELD_OUT, "score": peak_at(2)},
    "alternate": {"step": STEPS["alternate"], "held_out": HELD_OUT},
    "chosen": {"held_out": HELD_OUT},
    "not chosen": {"held_out": HELD_OUT, "score": None},
    "best in the middle": {"held_out": HELD_OUT, "score": peak_at(3), "keep": 1},
    "patience": {"held_out": HELD_OUT, "score": peak_at(1), "patience": 3, "epochs": 9},
    "every other": {"held_out": HELD_OUT, "score": peak_at(2), "evaluate_every": 2},
    "streamed": {"data": SOURCE, "held_out": HELD_OUT, "score": peak_at(2)},
    "looped": {"scan": False, "held_out": HELD_OUT},
}


@pytest.fixture(scope="module")
def whole():
    """The uninterrupted runs, each once."""
    return {name: run(**options) for name, options in CASES.items()}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("epochs", [1, 3])
def test_an_interruption_changes_nothing(tmp_path, whole, name, epochs):
    first = run(**CASES[name], folder=tmp_path, stop=after(epochs))
    assert (first.ended, first.progress.epoch) == ("interrupted", epochs)
    rest = run(**CASES[name], folder=tmp_path, resume=True)
    assert_same_run(rest, whole[name])
    assert timeless(first.rows + rest.rows) == timeless(whole[name].rows)


def test_many_interruptions_change_nothing(tmp_path, whole):
    rows, ended = [], "interrupted"
    while ended == "interrupted":
        part = run(**CASES["patience"], folder=tmp_path, resume=True, stop=after(1))
        rows, ended = rows + part.rows, part.ended
    assert_same_run(part, whole["patience"])
    assert part.ended == "stopped early"
    assert timeless(rows) == timeless(whole["patience"].rows)


def test_a_process_that_died_goes_on_from_the_last_checkpoint(tmp_path, whole):
    """In the middle of an epoch, of an evaluation, of a report: what was after it is done again."""
    options, seen = CASES["every other"], []

    def die(row, params):
        seen.append(row)
        if row["epoch"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(**options, folder=tmp_path, report=die)
    rest = run(**options, folder=tmp_path, resume=True)
    assert_same_run(rest, whole["every other"])
    assert timeless(seen[:-1] + rest.rows) == timeless(whole["every other"].rows)


def test_the_checkpoints_of_a_run(tmp_path, whole):
    run(**CASES["best in the middle"], folder=tmp_path / "best")
    run(**CASES["every other"], folder=tmp_path / "other", keep=9)
    run(**CASES["plain"], folder=tmp_path / "plain", keep=2)
    kept = {folder: Checkpoints(tmp_path / folder, write=False) for folder in ("best", "other")}
    assert kept["best"].epochs == [3, 4]
    assert_same_bits(kept["best"].load_params(3), whole["best in the middle"].params)
    assert kept["best"].progress(4) == whole["best in the middle"].progress._asdict()
    assert kept["other"].epochs == [2, 4]
    assert Checkpoints(tmp_path / "plain", write=False).epochs == [3, 4]


def test_a_checkpoint_holds_the_averages_beside_the_state(tmp_path):
    fitted = run(STEPS["averaged"], folder=tmp_path)
    params = Checkpoints(tmp_path, write=False).load_params(4)
    assert_same_bits(params, fitted.params)
    for a, b in zip(*map(jax.tree.leaves, (params, fitted.state.params)), strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize("name", ["plain", "best in the middle", "patience"])
def test_a_finished_run_resumed_does_nothing(tmp_path, name):
    done = run(**CASES[name], folder=tmp_path)

    def refuse(*seen):
        raise AssertionError("It went on.")

    again = run(**CASES[name], folder=tmp_path, resume=True, report=refuse, stop=refuse)
    assert_same_run(again, done)
    assert again.rows == []


def test_a_finished_run_can_be_made_longer(tmp_path):
    run(folder=tmp_path, epochs=2)
    assert_same_run(run(folder=tmp_path, resume=True, epochs=4), run(epochs=4))


def test_resume_in_an_empty_folder_begins(tmp_path, whole):
    assert_same_run(run(folder=tmp_path / "new", resume=True), whole["plain"])


def test_checkpoints_are_not_written_over(tmp_path):
    run(folder=tmp_path, epochs=2)
    message = rf"{tmp_path.name} holds checkpoints of epochs \[1, 2\]: pass resume=True to go on"
    refused(FileExistsError, message, folder=tmp_path)
    assert Checkpoints(tmp_path, write=False).epochs == [1, 2]


def test_another_step_is_refused(tmp_path):
    run(folder=tmp_path, epochs=1)
    message = r"1 is of another architecture or optimizer\. opt_state/average/decoder"
    refused(ValueError, message, step=STEPS["averaged"], folder=tmp_path, resume=True)


def test_where_the_best_was_removed_it_is_chosen_anew(tmp_path):
    """As the message about a damaged one says; the last states are still good."""
    options = {"held_out": HELD_OUT, "folder": tmp_path}
    first = run(**options, score=peak_at(1), epochs=6)
    assert Checkpoints(tmp_path, write=False).epochs == [1, 4, 5, 6]
    shutil.rmtree(tmp_path / "1")
    rest = run(**options, score=peak_at(7), epochs=8, resume=True)
    assert rest.progress == Progress(8, best_epoch=7, best_score=0.0, since_best=1)
    assert_same_bits(rest.state, run(epochs=8).state)
    assert first.progress.best_epoch == 1


def test_where_the_best_was_removed_the_best_that_is_left_is_chosen(tmp_path):
    """And it is on disk in the end: the first of equals among the removed would not be."""
    options = {"held_out": HELD_OUT, "folder": tmp_path, "score": peak_at(1)}
    run(**options, epochs=6)
    shutil.rmtree(tmp_path / "1")
    rest = run(**options, epochs=10, resume=True)
    assert rest.progress.best_epoch == 4
    checkpoints = Checkpoints(tmp_path, write=False)
    assert checkpoints.epochs == [4, 8, 9, 10]
    assert_same_bits(rest.params, checkpoints.load_params(4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": jax.random.key(99)}, "The folder's run has another key"),
        ({"batch_size": 4}, r"did \d+ steps in 2 epochs, where this has \d+ in each"),
    ],
)
def test_another_run_is_not_gone_on_with(options, message, tmp_path):
    run(folder=tmp_path, epochs=2)
    with pytest.raises(ValueError, match=message):
        run(**{"folder": tmp_path, "epochs": 3, "resume": True, **options})


def test_a_report_that_fails_costs_no_epoch(tmp_path, whole):
    """The checkpoint is there before anything is made of the epoch."""

    def report(row, params):
        if (row["data"], row["epoch"]) == ("held_out", 2):
            raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        run(**CASES["chosen"], folder=tmp_path, report=report)
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert checkpoints.epochs == [1, 2]
    assert_same_run(run(**CASES["chosen"], folder=tmp_path, resume=True), whole["chosen"])
