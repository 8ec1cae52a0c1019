"""One run, from its config to its report: started, or gone on with."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from vae_jax import data as datasets
from vae_jax.checkpoint import Checkpoints
from vae_jax.checks import check_count
from vae_jax.configs import CONFIGS, Data, Experiment
from vae_jax.configs.experiment import fixed
from vae_jax.evaluate.examples import Progress
from vae_jax.objectives import batch_size as size_of
from vae_jax.report import write_report
from vae_jax.runs import folder as run_folder
from vae_jax.runs.circumstances import circumstances
from vae_jax.runs.load import build, example_of
from vae_jax.runs.pictures import Missing, save_pictures
from vae_jax.runs.scores import score
from vae_jax.runs.training import Training, check_training, make_step
from vae_jax.train import Fitted, NotFiniteError, fit, held_out_bound
from vae_jax.train.epochs import steps_of
from vae_jax.types import Batch, Key, Params

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
_SCORES = {"elbo": held_out_bound, "distortion": lambda row: -row["distortion"]}


class Ended(NamedTuple):
    """How a run ended, and its scores (None if it was interrupted)."""

    folder: Path
    ended: str
    scores: Json | None


def start(
    name: str, options: Json, training: Training, out: Path | None = None, watch: Watch = _NOBODY
) -> Ended:
    """Train a config in a new run folder, score it, draw it.

    Args:
      name: one of CONFIGS.
      options: its options.
      training: options of every run.
      out: the folder; None for runs/<name>-<n>.
      watch: who looks on.

    Raises:
      FileExistsError: the folder is not empty; and what config, data and `fit` raise.
    """
    experiment = CONFIGS[name](**options)
    data = experiment.load()
    # what cannot be trained leaves no folder
    check_training(training, _steps(experiment, data, training))
    config = {
        "config": name,
        "options": {**options, **(experiment.found or {})},
        "training": dataclasses.asdict(training),
        "example": example_of(data.test),
        "stored": _stored(data),
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


def resume(folder: Path, data: str | None = None, watch: Watch = _NOBODY) -> Ended:
    """Go on with a run from its last checkpoint, and score and draw it, if that is to be done.

    Args:
      folder: of the run.
      data: where its data are now, if they have moved.
      watch: who looks on.

    Raises:
      FileNotFoundError: it is no run folder. BlockingIOError: it is being trained.
    """
    config = run_folder.read_config(folder)
    with run_folder.locked(folder):
        experiment = build(config, data)
        training = Training(**config["training"])
        return _run(folder, experiment, experiment.load(), training, watch)


def _run(
    folder: Path, experiment: Experiment, data: Data, training: Training, watch: Watch
) -> Ended:
    fit_key = jax.random.key(experiment.seed)
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
        _write_status(folder, "scoring", fitted.progress.epoch, experiment.epochs)
        scores = score(experiment, data.test, fitted.params, score_key, watch.scoring)
        run_folder.write_json(folder / "evaluation.json", scores)
        _draw(folder, experiment, data, fitted.params, picture_key, watch)
    progress = fitted.progress
    _write_status(folder, fitted.ended, progress.epoch, experiment.epochs, progress.best_epoch)
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
    train, held_out = _divide(experiment, data, training)

    def report(row: Json, params: Params) -> None:
        run_folder.append(folder / "metrics.jsonl", row)
        watch.row(row)
        if row["data"] == "held_out":
            _draw(folder, experiment, data, params, picture_key, watch)
            _write_status(folder, "running", row["epoch"], experiment.epochs)
            write_report(folder)

    try:
        return fit(
            experiment.model,
            make_step(experiment, training, _steps(experiment, data, training)),
            train,
            key=key,
            epochs=experiment.epochs,
            batch_size=experiment.batch_size,
            prepare=experiment.prepare,
            held_out=held_out,
            score=_SCORES[training.metric] if training.hold_out else None,
            evaluate_every=training.evaluate_every or max(1, experiment.epochs // 10),
            patience=training.patience,
            folder=folder / "checkpoints",
            keep=training.keep,
            resume=True,
            scan=experiment.scan,
            report=report,
            stop=watch.stop,
        )
    except NotFiniteError as error:
        _write_failure(folder, error, experiment.epochs)
        raise


def _draw(
    folder: Path, experiment: Experiment, data: Data, params: Params, key: Key, watch: Watch
) -> None:
    """The pictures; what could not be drawn is said, and costs nothing else."""
    missing = save_pictures(folder / "pictures", experiment, data, params, key)
    if missing:
        watch.missing(missing)


def _divide(
    experiment: Experiment, data: Data, training: Training
) -> tuple[Batch | datasets.Source, Batch]:
    """What is trained on, and what is evaluated on: examples set aside, or the test data."""
    number = training.hold_out
    if number == 0:
        return data.train, data.test
    order = np.random.default_rng(0).permutation(number + _num_trained(data, training))
    kept, aside = (
        jax.tree.map(lambda leaf, part=part: leaf[part], data.train)
        for part in (np.sort(order[number:]), order[:number])
    )
    return kept, fixed(experiment.prepare, aside)


def _num_trained(data: Data, training: Training) -> int:
    """How many examples are trained on. ValueError where none can be set aside, or none is left."""
    train, number = data.train, training.hold_out
    if number and not isinstance(train, dict):
        raise ValueError("hold_out needs training data in memory, and these are streamed.")
    N = size_of(train) if isinstance(train, dict) else len(train)
    if not 0 <= number < N:
        raise ValueError(f"hold_out must leave some of the {N} training examples; got {number}.")
    return N - number


def _steps(experiment: Experiment, data: Data, training: Training) -> int:
    """Of the whole run. ValueError where the options make no run."""
    check_count("epochs", experiment.epochs)
    if size_of(data.test) < 2:
        raise ValueError("A run needs two test examples at least to be scored; there is one.")
    return experiment.epochs * steps_of(_num_trained(data, training), experiment.batch_size)


def _stored(data: Data) -> Json:
    """The form of one example before it is prepared."""
    if isinstance(data.train, dict):
        return example_of(data.train)
    return example_of(jax.tree.map(lambda leaf: np.asarray(leaf)[None], data.train[0]))


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
