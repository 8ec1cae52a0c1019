"""A run that is watched on the terminal, and ended by signals."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax

from vae_jax import devices, hosts
from vae_jax.cli.options import spelt
from vae_jax.cli.signals import Signals, handled
from vae_jax.cli.terminal import EpochBar, console, numbers, print_scores, say, track
from vae_jax.configs import Data, Experiment
from vae_jax.networks import describe
from vae_jax.runs import Ended, Watch
from vae_jax.runs.at_once import Outcome
from vae_jax.runs.folder import read_status


def watched(go: Callable[[Watch], Ended]) -> tuple[Ended, int]:
    """Run with a bar on the terminal and signals heeded; how it ended, and the exit status."""
    with _handled() as signals, EpochBar() as bar:
        ended = go(_watch(signals, bar))
        bar.stop()
        if ended.ended == "interrupted":
            _tell_each_other(signals)
            say(f"Interrupted; go on with --resume {ended.folder}")
            return ended, signals.status
        if ended.scores is not None:
            print_scores(ended.scores, read_status(ended.folder))
        if ended.ended == "stopped early":
            say("Stopped early: no better evaluation within the patience.")
        say(f"\nRun folder: {ended.folder}\nReport:     {ended.folder / 'report.html'}")
    return ended, 0


def watched_at_once(
    seeds: Sequence[int], go: Callable[[dict[int, Watch]], dict[int, Outcome]]
) -> tuple[dict[int, Outcome], int]:
    """Runs from several seeds, with a line for each of their evaluations; how each ended, and the
    exit status of a signal, or 0."""
    with _handled() as signals, EpochBar() as bar:
        watches = {seed: _one_of(seed, _watch(signals, bar), seed == seeds[0]) for seed in seeds}
        ended = go(watches)
        bar.stop()
        interrupted = any(isinstance(e, Ended) and e.ended == "interrupted" for e in ended.values())
        if interrupted:
            _tell_each_other(signals)
        return ended, signals.status if interrupted else 0


def _one_of(seed: int, watch: Watch, first: bool) -> Watch:
    """Of the first seed all is told but its evaluations, of each its evaluations and notes."""

    def row(row: dict[str, Any]) -> None:
        if row["data"] == "held_out":
            say(f"seed {seed}, epoch {row['epoch']}: {numbers(row)}")
        elif first:
            watch.row(row)

    def note(sentence: str) -> None:
        watch.note(f"Seed {seed}: {sentence}")

    own = watch._replace(row=row, note=note)
    return own if first else own._replace(begin=Watch().begin)


@contextlib.contextmanager
def _handled() -> Iterator[Signals]:
    """Signals, of which several hosts wait from the start for a place where all of them ask."""
    with handled() as signals:
        signals.waiting = hosts.several()
        yield signals


def _leave_together(signals: Signals, batches: Iterable[Any]) -> Iterator[Any]:
    """Batches, before each of which all hosts end where one of them was sent a signal."""
    for batch in batches:
        _tell_each_other(signals)
        if signals.received():
            signals.end_waiting()
        yield batch


def _tell_each_other(signals: Signals) -> None:
    """A signal that one of several hosts was sent, all have heard."""
    signals.hear(int(hosts.most(signals.number)))


def _watch(signals: Signals, bar: EpochBar) -> Watch:
    def begin(experiment: Experiment, data: Data, first: int, on: str) -> None:
        x, c = jax.tree.map(lambda leaf: leaf[0], (data.test["x"], data.test.get("c")))
        console.print(describe(experiment.trained.model, x, c))
        for note in data.notes:
            console.print(note, soft_wrap=True)
        if (number := devices.dividing(experiment.trained.batch_size)) > 1:
            of = f" of {jax.process_count()} hosts" if hosts.several() else ""
            say(f"Each batch is divided among {number} devices{of}.")
        if first > 1:
            last = ", the last" if first > experiment.trained.epochs else ""
            say(f"Going on from the checkpoint of epoch {first - 1}{last}.")
        bar.begin(experiment.trained.epochs, first, on)
        signals.waiting = True

    def scoring(batches: Any) -> Any:
        bar.stop()
        if hosts.several():
            return _leave_together(signals, track("log p(x)")(batches))
        signals.end_waiting()  # training is saved
        return track("log p(x)")(batches)

    return Watch(begin, bar.update, lambda note: say(spelt(note)), scoring, signals.received)
