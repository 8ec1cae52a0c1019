"""The work of one run, from its first or its last checkpoint to its report."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax

from vae_jax.checks import seeded
from vae_jax.configs import Data, Experiment
from vae_jax.report import evaluated_on, write_report
from vae_jax.runs import folder as run_folder
from vae_jax.runs.baselines import with_baselines
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
Watchers: TypeAlias = Sequence[Callable[[Json], None]]  # of rows

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


def run(work: Work) -> Ended:
    """Train, score, draw and report what is not done yet."""
    folder, epochs = work.folder, work.experiment.trained.epochs
    fit_key = seeded(work.experiment.trained.seed)
    # `fit` takes the first two of its split; the third and fourth are for what follows it
    _, _, score_key, picture_key = jax.random.split(fit_key, 4)
    first, done = last_epoch(folder) + 1, _is_done(work)
    run_folder.forget_after(folder / "metrics.jsonl", first - 1)
    (folder / "failure.json").unlink(missing_ok=True)
    work.watch.begin(work.experiment, work.data, first, evaluated_on(work.training.hold_out))
    if work.training.profile and not (folder / "profile").exists():
        steps = save_profile(folder / "profile", work.experiment, work.data, work.training)
        work.watch.note(f"{steps} steps were traced into {folder / 'profile'}.")
    with contextlib.ExitStack() as stack:
        rows = [work.watch.row]
        if work.training.tensorboard:
            rows.append(stack.enter_context(written_events(folder, first)))
        fitted = _fit(work, rows, fit_key, picture_key)
    progress = fitted.progress
    if fitted.ended != "interrupted" and (fitted.rows or not done):
        write_status(folder, "scoring", progress.epoch, epochs, progress.best_epoch)
        if work.training.score:
            _score(work, fitted, score_key)
        _draw(work, fitted.params, picture_key)
    write_status(folder, fitted.ended, progress.epoch, epochs, progress.best_epoch)
    write_report(folder)
    return Ended(folder, fitted.ended, _scores(folder, fitted.ended))


def _is_done(work: Work) -> bool:
    scored = (work.folder / "evaluation.json").exists() or not work.training.score
    return scored and is_done(work.folder, work.experiment.trained.epochs)


def _fit(
    work: Work, watchers: Sequence[Callable[[Json], None]], key: Key, picture_key: Key
) -> Fitted:
    folder, training, trained = work.folder, work.training, work.experiment.trained
    train, held_out = divide(work.experiment, work.data, training)
    steps, last = epoch_steps(work.experiment, work.data, training), work.stretches[-1]

    def report(row: Json, params: Params) -> None:
        run_folder.append(folder / "metrics.jsonl", row)
        for watcher in watchers:
            watcher(row)
        if row["data"] == "held_out":
            _draw(work, params, picture_key)
            write_status(folder, "running", row["epoch"], trained.epochs)
            write_report(folder)

    try:
        return fit(
            trained.model,
            make_step(work.experiment, training, work.stretches, steps),
            train,
            key=key,
            epochs=trained.epochs,
            batch_size=trained.batch_size,
            prepare=work.experiment.examples.prepare,
            held_out=held_out,
            rate=work.experiment.views.rate,
            score=_SCORES[training.metric] if training.hold_out else None,
            evaluate_every=evaluated_every(training, last.epochs - last.after),
            patience=training.patience,
            patient_after=last.after,
            folder=folder / "checkpoints",
            keep=training.keep,
            resume=True,
            scan=trained.scan,
            report=report,
            stop=work.watch.stop,
        )
    except NotFiniteError as error:
        write_failure(folder, error, trained.epochs)
        write_report(folder)
        raise


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
