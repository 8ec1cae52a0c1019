"""A run whose prior is fitted after its training: a folder of its own, beside the old one."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from vae_jax import devices, hosts
from vae_jax.checkpoint import Checkpoints
from vae_jax.checks import seeded
from vae_jax.configs import Data, Experiment
from vae_jax.configs.experiment import fixed
from vae_jax.models import trace
from vae_jax.objectives import batch_size as size_of
from vae_jax.report import write_report
from vae_jax.runs import folder as run_folder
from vae_jax.runs.baselines import some_training, with_baselines
from vae_jax.runs.load import Run, refitted
from vae_jax.runs.pictures import save_pictures
from vae_jax.runs.scores import score
from vae_jax.runs.status import write_status
from vae_jax.samplers import FitOptions, kept_of, kind_from
from vae_jax.types import Params, Progress

Json = dict[str, Any]


def fit_prior(
    found: Run,
    asked: FitOptions,
    *,
    seed: int = 0,
    out: Path | None = None,
    importance_samples: int | None = None,
    pictures: bool = True,
    progress: Progress = iter,
) -> Path:
    """Fit a prior to the latents of the training examples, and make a run folder of the model that
    has it: its samples, scores, pictures and report are of the new prior.

    Args:
      found: the run.
      asked: what is fitted.
      seed: of the draws.
      out: the new folder; None for runs/<name>-<n>.
      importance_samples: K of log p(x); by default the config's.
      pictures: draw pictures.
      progress: wraps the loop of the likelihood.

    Returns:
      The folder, which `load_run` reads; "before" in its evaluation.json has the old numbers.

    Raises:
      FileExistsError: the folder is not empty.
      ValueError: a model of several latents, or of one that is no vector.
    """
    loaded = found.experiment.examples.load()
    train = fixed(found.experiment.examples.prepare, some_training(loaded))
    fit_key, score_key, picture_key = jax.random.split(seeded(seed), 3)
    kept = kept_of(asked, found.model, found.params, train)
    kind = kind_from(kept)
    fitted = hosts.of_first(kind.fit(fit_key, found.model, found.params, train))
    params = devices.everywhere({**found.params, "prior": fitted}, devices.of_all())
    config = {**found.config, "prior": {"of": str(found.folder), **kept}}
    before = run_folder.read_evaluation(found.folder)
    config["notes"] = [*config.get("notes", []), _told(found, asked.fit, size_of(train), before)]
    config["notes"] += [kind.note] if kind.note else []
    experiment = refitted(found.experiment, config)
    _check(experiment, params, loaded)
    name = f"{config['config']}-{asked.fit}"
    folder = Path(hosts.agreed(lambda: str(run_folder.create(name, out, config))))
    _save(folder, found.epoch, params)
    scores = score(experiment, loaded.test, params, score_key, progress, importance_samples)
    numbers = with_baselines(scores.numbers, experiment, loaded, params)
    numbers = {"epoch": found.epoch, **numbers, "before": before}
    run_folder.write_json(folder / "evaluation.json", numbers)
    if pictures:
        save_pictures(folder / "pictures", experiment, loaded, params, picture_key)
    write_status(folder, "finished", found.epoch, found.epoch)
    hosts.agreed(lambda: str(write_report(folder)))  # after which all may read what is there
    return folder


def _check(experiment: Experiment, params: Params, data: Data) -> None:
    """ValueError or TypeError for latents that the prior is not over, before there is a folder."""
    x, c = jax.tree.map(lambda leaf: leaf[0], (data.test["x"], data.test.get("c")))
    model, key = experiment.trained.model, jax.random.key(0)
    try:
        jax.eval_shape(lambda: trace(model, params, key, x, c).z)
    except ValueError as error:
        raise ValueError(f"This prior is not one of the latents of this run: {error}") from None


def _told(found: Run, fit: str, number: int, before: Json) -> str:
    said = f"The prior, {fit}, was fitted after training to {number:,} training examples of"
    said += f" {found.folder}"
    if "elbo" not in before:
        return f"{said}."
    elbo, log_p = -before["elbo"]["elbo"], -before["log_likelihood"]["value"]
    return f"{said}, whose own had -ELBO {elbo:.2f} and -log p(x) {log_p:.2f}."


def _save(folder: Path, epoch: int, params: Params) -> None:
    """One checkpoint, without a state of training: it is not gone on with."""
    progress = {"epoch": epoch, "best_epoch": None, "best_score": None, "since_best": 0}
    state = devices.everywhere({"epoch": jnp.int32(epoch)}, devices.of_all())
    with Checkpoints(folder / "checkpoints") as checkpoints:
        checkpoints.save(epoch, state, params, progress)
