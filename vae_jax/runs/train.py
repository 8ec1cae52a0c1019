"""One run, from its config to its report: started, or gone on with."""

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax.checkpoint import Checkpoints
from vae_jax.configs import Config, Data, Experiment, find
from vae_jax.configs.options import to_json
from vae_jax.evaluate.examples import Progress
from vae_jax.report import write_report
from vae_jax.runs import folder as run_folder
from vae_jax.runs.circumstances import circumstances
from vae_jax.runs.divide import divide, num_steps, stored
from vae_jax.runs.load import build, example_of
from vae_jax.runs.pictures import Missing, save_pictures
from vae_jax.runs.scores import score
from vae_jax.runs.training import Training, check_training, make_step
from vae_jax.train import Fitted, NotFiniteError, fit, held_out_score
from vae_jax.types import Key, Params

Json = dict[str, Any]


class Watch(NamedTuple):
    """Who looks on, and may say stop.

    Fields:
      begin: called with the experiment, its data and the first epoch, before training.
      row: called with each row of metrics.jsonl.
      missing: called with the pictures that could not be drawn, by name, and why.
      scoring: wraps the loop over batches of the final likelihood.
      stop: asked after each epoch.
    """

    begin: Callable[[Experiment, Data, int], None] = lambda experiment, data, first: None
    row: Callable[[Json], None] = lambda row: None
    missing: Callable[[Missing], None] = lambda missing: None
    scoring: Progress = iter
    stop: Callable[[], bool] = lambda: False


_NOBODY = Watch()
_DONE = ("finished", "stopped early")
_SCORES = {"elbo": held_out_score, "distortion": lambda row: -row["distortion"]}


class Ended(NamedTuple):
    """How a run ended, and its scores (None if it was interrupted)."""

    folder: Path
    ended: str
    scores: Json | None


def start(
    name: str,
    options: Json,
    training: Training,
    out: Path | None = None,
    watch: Watch = _NOBODY,
    configs: Mapping[str, Config] | None = None,
) -> Ended:
    """Train a config in a new run folder, score it, draw it.

    Args:
      name: of a config; see `configs.names`.
      options: its options.
      training: options of every run.
      out: the folder; None for runs/<name>-<n>.
      watch: who looks on.
      configs: of a script that is in no package, by name.

    Raises:
      FileExistsError: the folder is not empty; and what config, data and `fit` raise.
    """
    found = find(name, configs)
    experiment = found.load()(**options)
    data = experiment.examples.load()
    # what cannot be trained leaves no folder
    check_training(training, num_steps(experiment, data, training))
    config = {
        "config": name,
        "package": {"distribution": found.distribution, "version": found.version},
        "options": to_json({**options, **(experiment.examples.found or {})}),
        "training": dataclasses.asdict(training),
        "example": example_of(data.test),
        "stored": stored(data),
        **circumstances(),
    }
    folder = run_folder.create(name, out, config)
    try:
        with run_folder.locked(folder):
            return _run(folder, experiment, data, training, watch)
    except Exception:
        if not _has_begun(folder):
            shutil.rmtree(folder)
        raise


def resume(
    folder: Path,
    data: str | None = None,
    watch: Watch = _NOBODY,
    configs: Mapping[str, Config] | None = None,
) -> Ended:
    """Go on with a run from its last checkpoint, and score and draw it, if that is to be done.

    Args:
      folder: of the run.
      data: where its data are now, if they have moved.
      watch: who looks on.
      configs: of a script that is in no package, by name.

    Raises:
      FileNotFoundError: it is no run folder. BlockingIOError: it is being trained.
    """
    config = run_folder.read_config(folder)
    with run_folder.locked(folder):
        experiment = build(config, data, configs)
        training = Training(**config["training"])
        return _run(folder, experiment, experiment.examples.load(), training, watch)


def _run(
    folder: Path, experiment: Experiment, data: Data, training: Training, watch: Watch
) -> Ended:
    fit_key = jax.random.key(experiment.trained.seed)
    # `fit` takes the first two of its split; the third and fourth are for what follows it
    _, _, score_key, picture_key = jax.random.split(fit_key, 4)
    first, scores, scored = _last_epoch(folder) + 1, None, _is_scored(folder)
    run_folder.forget_after(folder / "metrics.jsonl", first - 1)
    (folder / "failure.json").unlink(missing_ok=True)
    watch.begin(experiment, data, first)
    fitted = _fit(folder, experiment, data, training, watch, fit_key, picture_key)
    if scored and not fitted.rows:
        scores = run_folder.read_json(folder / "evaluation.json")
    elif fitted.ended != "interrupted":
        _write_status(folder, "scoring", fitted.progress.epoch, experiment.trained.epochs)
        scores = score(experiment, data.test, fitted.params, score_key, watch.scoring)
        run_folder.write_json(folder / "evaluation.json", scores)
        _draw(folder, experiment, data, fitted.params, picture_key, watch)
    progress, epochs = fitted.progress, experiment.trained.epochs
    _write_status(folder, fitted.ended, progress.epoch, epochs, progress.best_epoch)
    write_report(folder)
    return Ended(folder, fitted.ended, scores)


def _fit(
    folder: Path,
    experiment: Experiment,
    data: Data,
    training: Training,
    watch: Watch,
    key: Key,
    picture_key: Key,
) -> Fitted:
    train, held_out = divide(experiment, data, training)

    def report(row: Json, params: Params) -> None:
        run_folder.append(folder / "metrics.jsonl", row)
        watch.row(row)
        if row["data"] == "held_out":
            _draw(folder, experiment, data, params, picture_key, watch)
            _write_status(folder, "running", row["epoch"], experiment.trained.epochs)
            write_report(folder)

    try:
        return fit(
            experiment.trained.model,
            make_step(experiment, training, num_steps(experiment, data, training)),
            train,
            key=key,
            epochs=experiment.trained.epochs,
            batch_size=experiment.trained.batch_size,
            prepare=experiment.examples.prepare,
            held_out=held_out,
            rate=experiment.views.rate,
            score=_SCORES[training.metric] if training.hold_out else None,
            evaluate_every=training.evaluate_every or max(1, experiment.trained.epochs // 10),
            patience=training.patience,
            folder=folder / "checkpoints",
            keep=training.keep,
            resume=True,
            scan=experiment.trained.scan,
            report=report,
            stop=watch.stop,
        )
    except NotFiniteError as error:
        _write_failure(folder, error, experiment.trained.epochs)
        raise


def _draw(
    folder: Path, experiment: Experiment, data: Data, params: Params, key: Key, watch: Watch
) -> None:
    """The pictures; what could not be drawn is said, and costs nothing else."""
    missing = save_pictures(folder / "pictures", experiment, data, params, key)
    if missing:
        watch.missing(missing)


def _has_begun(folder: Path) -> bool:
    """Whether there is anything that training made."""
    rows, failure = run_folder.read_rows(folder / "metrics.jsonl"), folder / "failure.json"
    return bool(rows) or failure.exists() or _last_epoch(folder) > 0


def _is_scored(folder: Path) -> bool:
    status, scores = folder / "status.json", folder / "evaluation.json"
    there = status.exists() and scores.exists()
    return there and run_folder.read_json(status).get("state") in _DONE


def _write_failure(folder: Path, error: NotFiniteError, epochs: int) -> None:
    terms = {name: t if np.isfinite(t) else str(t) for name, t in error.terms.items()}
    content = {"error": str(error), **vars(error), "terms": terms}
    run_folder.write_json(folder / "failure.json", content)
    _write_status(folder, "failed", _last_epoch(folder), epochs)
    write_report(folder)


def _last_epoch(folder: Path) -> int:
    """Of the checkpoints; 0 where there is none."""
    if not (folder / "checkpoints").is_dir():
        return 0
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return max(checkpoints.epochs, default=0)


def _write_status(
    folder: Path, state: str, epoch: int, epochs: int, best_epoch: int | None = None
) -> None:
    content = {"state": state, "epoch": epoch, "epochs": epochs, "best_epoch": best_epoch}
    run_folder.write_json(folder / "status.json", content)
