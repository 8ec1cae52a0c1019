"""The work of one run, from its first or its last checkpoint to its report."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vae_jax import files, hosts
from vae_jax.checks import seeded
from vae_jax.configs import Data, Experiment
from vae_jax.report import evaluated_on, write_report
from vae_jax.runs import folder as run_folder
from vae_jax.runs.baselines import with_baselines
from vae_jax.runs.circumstances import of_run, resumed
from vae_jax.runs.divide import divide, epoch_steps
from vae_jax.runs.events import written_events
from vae_jax.runs.pace import foretold
from vae_jax.runs.pictures import save_pictures
from vae_jax.runs.profile import save_profile
from vae_jax.runs.scores import score
from vae_jax.runs.status import is_done, last_epoch, write_failure, write_status
from vae_jax.runs.stretches import Stretches
from vae_jax.runs.training import Training, evaluated_every, make_step
from vae_jax.runs.watch import Ended, Watch
from vae_jax.train import Fitted, NotFiniteError, fit, held_out_score
from vae_jax.types import Key, Params, Progress

Json = dict[str, Any]

_SCORES = {"elbo": held_out_score, "distortion": lambda row: -row["distortion"]}


class Work(NamedTuple):
    """What is to be done in a folder, and who looks on.

    Fields:
      folder: of the run.
      experiment: with the epochs of all stretches.
      data: the experiment's, read.
      training: options of every run.
      stretches: of the run; see `runs.stretches`.
      watch: who looks on.
    """

    folder: Path
    experiment: Experiment
    data: Data
    training: Training
    stretches: Stretches
    watch: Watch


class Begun(NamedTuple):
    """A run before it is trained: its next epoch, whether nothing is left to be done, and keys of
    its training, of its scores and of its pictures."""

    first: int
    done: bool
    fit_key: Key
    score_key: Key
    picture_key: Key


def run(work: Work) -> Ended:
    """Train, score, draw and report what is not done yet."""
    begun = begin(work)
    with contextlib.ExitStack() as stack:
        try:
            fitted = fit(
                **fit_options(work),
                key=begun.fit_key,
                folder=work.folder / "checkpoints",
                report=reporter(work, begun, stack),
                stop=work.watch.stop,
            )
        except NotFiniteError as error:
            fail(work, error)
            raise
    return finish(work, begun, fitted)


def begin(work: Work) -> Begun:
    """Forget what was made after the last checkpoint, and tell who looks on."""
    folder = work.folder
    fit_key = seeded(work.experiment.trained.seed)
    # `fit` takes the first two of its split; the third and fourth are for what follows it
    _, _, score_key, picture_key = jax.random.split(fit_key, 4)
    first, done = hosts.agreed(lambda: [last_epoch(folder) + 1, _is_done(work)])
    run_folder.forget_after(folder / "metrics.jsonl", first - 1)
    files.remove(folder / "failure.json")
    if hosts.is_first() and (first <= work.experiment.trained.epochs or not done):
        _note_circumstances(work, first - 1)
    work.watch.begin(work.experiment, work.data, first, evaluated_on(work.training.hold_out))
    if work.training.profile and not hosts.agreed((folder / "profile").exists):
        steps = save_profile(folder / "profile", work.experiment, work.data, work.training)
        work.watch.note(f"{steps} steps were traced into {folder / 'profile'}.")
    return Begun(first, done, fit_key, score_key, picture_key)


def _note_circumstances(work: Work, done: int) -> None:
    config = run_folder.read_config(work.folder)
    now = resumed(config, done, of_run(work.experiment))
    if now != config:
        run_folder.write_json(work.folder / "config.json", now)


def finish(work: Work, begun: Begun, fitted: Fitted) -> Ended:
    """What follows training: scores, pictures, a report."""
    folder, progress, epochs = work.folder, fitted.progress, work.experiment.trained.epochs
    if fitted.ended != "interrupted" and (fitted.rows or not begun.done):
        write_status(folder, "scoring", progress.epoch, epochs, progress.best_epoch)
        if work.training.score:
            _score(work, fitted, begun.score_key)
        _draw(work, fitted.params, begun.picture_key)
    write_status(folder, fitted.ended, progress.epoch, epochs, progress.best_epoch)
    _report(folder)
    return Ended(folder, fitted.ended, hosts.agreed(lambda: _scores(folder, fitted.ended)))


def fail(work: Work, error: NotFiniteError) -> None:
    """Note in the folder what went bad."""
    write_failure(work.folder, error, work.experiment.trained.epochs)
    _report(work.folder)


def _report(folder: Path) -> None:
    if hosts.is_first():  # who has the files that it is made of
        write_report(folder)


def _is_done(work: Work) -> bool:
    scored = (work.folder / "evaluation.json").exists() or not work.training.score
    return scored and is_done(work.folder, work.experiment.trained.epochs)


def reporter(
    work: Work, begun: Begun, stack: contextlib.ExitStack
) -> Callable[[Json, Params], None]:
    """What is done with each row: it is written, shown, and at an evaluation drawn."""
    folder, watchers = work.folder, [work.watch.row]
    if work.training.tensorboard and hosts.is_first():
        watchers.append(stack.enter_context(written_events(folder, begun.first)))

    def report(row: Json, params: Params) -> None:
        run_folder.append(folder / "metrics.jsonl", row)
        for watcher in watchers:
            watcher(row)
        if row["data"] == "held_out":
            _draw(work, params, begun.picture_key)
            write_status(folder, "running", row["epoch"], work.experiment.trained.epochs)
            _report(folder)

    return report


def fit_options(work: Work) -> Json:
    """What `fit` is given, but for what is the run's own: its key, its folder, who looks on."""
    training, trained, last = work.training, work.experiment.trained, work.stretches[-1]
    train, held_out = divide(work.experiment, work.data, training)
    steps = epoch_steps(work.experiment, work.data, training)
    return {
        "model": trained.model,
        "step": make_step(work.experiment, training, work.stretches, steps),
        "data": train,
        "epochs": trained.epochs,
        "batch_size": trained.batch_size,
        "prepare": work.experiment.examples.prepare,
        "held_out": held_out,
        "rate": work.experiment.views.rate,
        "score": _SCORES[training.metric] if training.hold_out else None,
        "evaluate_every": evaluated_every(training, last.epochs - last.after),
        "patience": training.patience,
        "patient_after": last.after,
        "keep": training.keep,
        "resume": True,
        "scan": trained.scan,
    }


def _score(work: Work, fitted: Fitted, key: Key) -> None:
    """Write evaluation.json, of the parameters that are to be used."""
    progress, K = fitted.progress, work.training.importance_samples
    scoring = _foretold(work, K or work.experiment.views.importance_samples)
    scores = score(work.experiment, work.data.test, fitted.params, key, scoring, K).numbers
    scores = with_baselines(scores, work.experiment, work.data, fitted.params)
    epoch = progress.epoch if progress.best_epoch is None else progress.best_epoch
    run_folder.write_json(work.folder / "evaluation.json", {"epoch": epoch, **scores})


def _foretold(work: Work, samples: int) -> Progress:
    """The loop of the likelihood; where it will take longer than training did, that is said."""
    rows = run_folder.read_rows(work.folder / "metrics.jsonl")
    trained = sum(row["seconds"] for row in rows if row["data"] == "train")

    def tell(seconds: float) -> None:
        said = f"Scoring will take about {seconds:.0f} s, where training took {trained:.0f} s."
        if seconds > trained:
            said += f" Of another run importance_samples=<fewer than {samples:,}> makes it shorter."
        work.watch.note(said)

    return foretold(work.watch.scoring, 0 if work.training.time else trained, tell)


def _scores(folder: Path, ended: str) -> Json | None:
    return (run_folder.read_evaluation(folder) or None) if ended != "interrupted" else None


def _draw(work: Work, params: Params, key: Key) -> None:
    """The pictures; what could not be drawn is said, and costs nothing else."""
    if not work.training.pictures:
        return
    missing = save_pictures(work.folder / "pictures", work.experiment, work.data, params, key)
    for name, why in missing.items():
        work.watch.note(f"There is no picture {name}: {why}")
