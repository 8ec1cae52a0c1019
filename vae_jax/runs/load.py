"""A run folder, back as a model and its parameters."""

import inspect
import operator
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from vae_jax import hosts
from vae_jax.checkpoint import Checkpoints
from vae_jax.configs import Config, Data, Experiment, names
from vae_jax.configs.kinds import brief
from vae_jax.configs.options import from_json
from vae_jax.models import VAE, trace
from vae_jax.runs import folder as run_folder
from vae_jax.runs.stretches import stretches_of, whole
from vae_jax.samplers import kind_from
from vae_jax.types import Batch, Params

Json = dict[str, Any]


class Run(NamedTuple):
    """A trained model, and where it came from.

    Fields:
      model: the VAE.
      params: of the best held-out score, or the last; averages, where the run kept some.
      experiment: how it was trained; `experiment.examples.load()` reads its data.
      config: config.json.
      folder: the run folder.
      epoch: of the parameters.
    """

    model: VAE
    params: Params
    experiment: Experiment
    config: Json
    folder: Path
    epoch: int


def load_run(
    path: str | os.PathLike[str],
    *,
    epoch: int | None = None,
    data: str | None = None,
    configs: Mapping[str, Config] | None = None,
) -> Run:
    """A model and its parameters, from the folder of a run that is finished or still going on.

        model, params, *_ = load_run("runs/digits-1")

    Nothing in the folder is executed: the config is a name, with options, the parameters are
    arrays. Of the name is looked up what this package or another installed one brings.

    Args:
      path: the run folder.
      epoch: of the checkpoint; None takes the best, or the last where nothing was chosen by.
      data: where the data are now, if they have moved since.
      configs: of a script that is in no package, by name: {"mine": mine}.

    Raises:
      FileNotFoundError: it is no run folder, or there is no such checkpoint in it.
      ImportError: the package of the config cannot be imported.
      ValueError: a file in it is damaged, or of another version's architecture.
    """
    folder = Path(path)
    config = run_folder.read_config(folder)
    experiment = build(config, data, configs)
    experiment = refitted(whole(experiment, stretches_of(config, experiment)), config)
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        if not checkpoints.epochs:
            failed = (folder / "failure.json").exists()
            why = "failed: see failure.json" if failed else "has just begun"
            raise FileNotFoundError(f"{folder} has no checkpoint: its training {why}.")
        if epoch is None:
            epoch = hosts.agreed(lambda: _chosen(checkpoints))
        params = checkpoints.load_params(epoch)
    _check_fits(
        folder / "checkpoints" / str(epoch), experiment.trained.model, params, config["example"]
    )
    return Run(experiment.trained.model, params, experiment, config, folder, epoch)


def refitted(experiment: Experiment, config: Json) -> Experiment:
    """The experiment with the prior that was fitted after its training, if one was."""
    if "prior" not in config:
        return experiment
    kind = kind_from(config["prior"])
    trained, views = experiment.trained, experiment.views
    model = kind.apply(trained.model)
    return experiment._replace(
        trained=trained._replace(model=model),
        views=views._replace(rate=None if views.rate is None else kind.rate),
    )


def _chosen(checkpoints: Checkpoints) -> int:
    """The best epoch; if its checkpoint was removed the best there is; without a best the last."""
    latest = checkpoints.epochs[-1]
    epoch = checkpoints.progress(latest)["best_epoch"]
    if epoch is not None and epoch not in checkpoints.epochs and checkpoints.best is not None:
        epoch, _ = checkpoints.best
    return epoch if epoch in checkpoints.epochs else latest


def build(
    config: Json, data: str | None = None, configs: Mapping[str, Config] | None = None
) -> Experiment:
    """The experiment of a config.json, its data perhaps elsewhere now."""
    name, options = config["config"], {**config["options"], **config["found"]}
    make = config_of(name, config["package"], configs)
    options = from_json(make, options)
    known = inspect.signature(make).parameters
    place = next((option for option in ("data", "raw") if option in known), None)
    if data is not None:
        if place is None:
            raise ValueError(f"The config {name} brings its own data: leave --data out.")
        options[place] = data
    experiment = make(**options)
    if place is None:
        return experiment
    examples = experiment.examples
    return experiment._replace(examples=examples._replace(load=_found(examples.load)))


def config_of(name: str, package: Json, configs: Mapping[str, Config] | None) -> Config:
    """The config of a run. ValueError where it is another's now, or nobody's."""
    whose = package["distribution"]
    found = [one for one in names(configs).get(name, []) if one.distribution == whose]
    if not found and whose is None:
        raise ValueError(
            f"The run is of the config {name!r} of a script: pass configs={{{name!r}: <function>}}."
        )
    if not found:
        raise ValueError(
            f"The run is of the config {name!r} of {whose} {package['version']}, which is not"
            f" installed here, or has it no more; there are {', '.join(names(configs))}."
        )
    return found[0].load()


def example_of(batch: Batch) -> Json:
    """Shape and type of every array of one example and its condition, for config.json.

    Dicts are dicts there, tuples lists, and an array is {"shape": [...], "dtype": "..."}.
    """

    def form(leaf: Any) -> Json:
        return {"shape": list(leaf.shape[1:]), "dtype": str(leaf.dtype)}

    return jax.tree.map(form, batch)


def shapes_of(form: Any) -> Any:
    """What `example_of` wrote, as one example's shapes and types. ValueError for anything else."""
    if isinstance(form, list):
        return tuple(map(shapes_of, form))
    if not isinstance(form, dict):
        raise ValueError(f"config.json is damaged: {brief(form)} is no form of an example.")
    if not isinstance(form.get("dtype"), str):
        return {name: shapes_of(part) for name, part in form.items()}
    try:
        return jax.ShapeDtypeStruct(tuple(map(operator.index, form["shape"])), form["dtype"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"config.json is damaged: {brief(form)} is no form of an array."
        ) from error


def _found(load: Callable[[], Data]) -> Callable[[], Data]:
    """The same; where there are no data, the error says how to name their place."""

    def found() -> Data:
        try:
            return load()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"The data of the run are not where they were: pass data=<their place>. ({error})"
            ) from error

    return found


def _check_fits(folder: Path, model: VAE, params: Params, example: Json) -> None:
    """ValueError unless the model can be applied to one example with these parameters."""
    one, key = shapes_of(example), jax.random.key(0)
    try:
        jax.eval_shape(lambda p, x, c: trace(model, p, key, x, c).z, params, one["x"], one.get("c"))
    except Exception as error:  # flax's own, of many types
        raise ValueError(
            f"{folder} is of another architecture than config.json says ({type(error).__name__}:"
            f" {str(error).splitlines()[0]}). Restore the config.json it was made with."
        ) from error
