"""One run, from its config to its report: started, gone on with, made longer."""

import dataclasses
import inspect
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vae_jax import hosts
from vae_jax.configs import Config, Data, Experiment, find
from vae_jax.configs.options import to_json
from vae_jax.runs import folder as run_folder
from vae_jax.runs.circumstances import of_run
from vae_jax.runs.divide import epoch_steps, stored
from vae_jax.runs.load import build, example_of
from vae_jax.runs.lock import locked
from vae_jax.runs.pace import epochs_in_time
from vae_jax.runs.status import has_begun, last_epoch
from vae_jax.runs.stretches import extended, stretches_of, whole
from vae_jax.runs.training import Training, check_training, training_of
from vae_jax.runs.watch import NOBODY, Ended, Watch
from vae_jax.runs.work import Work, run

Json = dict[str, Any]


def start(
    name: str,
    options: Json,
    training: Training,
    out: Path | None = None,
    watch: Watch = NOBODY,
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
    experiment, data, config = prepared(name, options, training, watch, configs)
    folder = Path(hosts.agreed(lambda: str(run_folder.create(name, out, config))))
    try:
        with locked(folder):
            stretches = stretches_of(config, experiment)
            return run(Work(folder, experiment, data, training, stretches, watch))
    except Exception:
        if hosts.is_first() and not has_begun(folder):
            shutil.rmtree(folder)
        raise


def prepared(
    name: str,
    options: Json,
    training: Training,
    watch: Watch = NOBODY,
    configs: Mapping[str, Config] | None = None,
) -> tuple[Experiment, Data, Json]:
    """The experiment, its data, and the config.json of a new run; raises as `start` does."""
    found, began = find(name, configs), time.perf_counter()
    make = found.load()
    experiment = make(**options)
    data, read = experiment.examples.load(), experiment.examples.found or {}
    # what cannot be trained leaves no folder
    _check(experiment, data, training)
    if training.time is not None:
        _check_takes_epochs(name, make)
        epochs = epochs_in_time(experiment, data, training, began, watch.note)
        options = {**options, "epochs": epochs}
        experiment = make(**{**options, **read})
        _check(experiment, data, training)
    config = {
        "config": name,
        "package": {"distribution": found.distribution, "version": found.version},
        "options": to_json(options),
        "found": to_json(read),
        "training": dataclasses.asdict(training),
        "example": example_of(data.test),
        "stored": stored(data),
        "notes": list(data.notes),
        **of_run(experiment),
    }
    return experiment, data, config


def _check(experiment: Experiment, data: Data, training: Training) -> None:
    steps, rate = epoch_steps(experiment, data, training), experiment.trained.learning_rate
    if not 0 < rate < math.inf:
        raise ValueError(f"learning_rate must be above 0, and finite; got {rate}.")
    check_training(training, experiment.trained.epochs * steps)


def _check_takes_epochs(name: str, make: Config) -> None:
    if "epochs" not in inspect.signature(make).parameters:
        raise ValueError(f"{name} has no option epochs, which a time could choose: leave time out.")


def resume(
    folder: Path,
    data: str | None = None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    watch: Watch = NOBODY,
    configs: Mapping[str, Config] | None = None,
) -> Ended:
    """Go on with a run from its last checkpoint, and score and draw it, if that is to be done.

    Args:
      folder: of the run.
      data: where its data are now, if they have moved.
      epochs: make it longer: epochs in all. The schedule begins anew at the last checkpoint, and
        falls to zero at the end of these; config.json says so, under "extensions".
      learning_rate: where that schedule begins; None for where it began before.
      watch: who looks on.
      configs: of a script that is in no package, by name.

    Raises:
      FileNotFoundError: it is no run folder. BlockingIOError: it is being trained.
      ValueError: it has done so many epochs already; a learning rate without epochs; its prior was
        fitted after training.
    """
    if learning_rate is not None and epochs is None:
        raise ValueError("learning_rate is that of more epochs: give epochs=<a number> as well.")
    config = hosts.agreed(lambda: run_folder.read_config(folder))
    if "prior" in config:
        raise ValueError(
            f"The prior of {folder} was fitted after training, which cannot go on: resume"
            f" {config['prior']['of']}, and fit it again."
        )
    with locked(folder):
        experiment, training = build(config, data, configs), training_of(config["training"])
        loaded = experiment.examples.load()
        if epochs is not None:
            done = hosts.agreed(lambda: last_epoch(folder))
            config = extended(config, experiment, done, epochs, learning_rate)
        stretches = stretches_of(config, experiment)
        experiment = whole(experiment, stretches)
        _check(experiment, loaded, training)
        if epochs is not None:
            run_folder.write_json(folder / "config.json", config)
        return run(Work(folder, experiment, loaded, training, stretches, watch))
