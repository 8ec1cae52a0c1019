"""Train a VAE, score it in nats, draw its pictures.

Examples:
  python -m experiments.train digits
  python -m experiments.train mnist_vae --raw FOLDER --epochs 100
  python -m experiments.train digits --help
"""

import difflib
import functools
import math
import operator
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import tyro

from experiments import pictures, run_folder
from experiments.configs import CONFIGS
from experiments.experiment import Config, Experiment
from experiments.report import EpochBar, console, print_scores
from experiments.scoring import held_out, score
from vae_jax import checkpoint, evaluate
from vae_jax.networks import describe
from vae_jax.train import Metrics, descend, train_epoch
from vae_jax.types import Key, Params

_ARGS = """Args:
  config: What to train. Each has options of its own: <config> --help.
  out: A new folder for the run; by default runs/<config>-<n>.
"""
_CURVE_POINTS = 20  # how often a run looks at the held-out bound


class Configured(NamedTuple):
    """An experiment, with the name and options that made it."""

    name: str
    options: dict[str, Any]
    experiment: Experiment


def run(configured: Configured, out: Path | None = None) -> Path:
    """Train, score and draw; returns the run folder."""
    name, options, experiment = configured
    folder = run_folder.create(name, out)
    circumstances = run_folder.circumstances()
    run_folder.write_json(
        folder / "config.json", {"config": name, "options": options, **circumstances}
    )
    keys = jax.random.split(jax.random.key(experiment.seed), 5)
    init_key, train_key, score_key, curve_key, picture_key = keys
    params = train(experiment, folder, init_key, train_key, curve_key)
    checkpoint.save(folder / "params", params)
    scores = score(experiment, params, score_key)
    run_folder.write_json(folder / "evaluation.json", scores)
    print_scores(scores)
    pictures.save_all(folder, experiment, params, picture_key)
    console.print(f"\nRun folder: {folder}\nPictures:   {folder / 'pictures'}")
    return folder


def train(
    experiment: Experiment, folder: Path, init_key: Key, train_key: Key, curve_key: Key
) -> Params:
    """The epochs, a line of metrics for each; returns the trained parameters."""
    x, c = jax.tree.map(lambda leaf: leaf[0], (experiment.test["x"], experiment.test.get("c")))
    console.print(describe(experiment.model, x, c), highlight=False)
    params = experiment.model.init(init_key, x, c)
    evaluate.check_support(experiment.model, params, experiment.test)
    step = descend(experiment.objective, experiment.optimizer)
    state, data = step.init(train_key, params), jax.device_put(experiment.train)
    held_out_every = max(1, experiment.epochs // _CURVE_POINTS)
    settings = {name: getattr(experiment, name) for name in ("batch_size", "prepare", "scan")}
    with EpochBar(experiment.epochs) as bar:
        for epoch in range(1, experiment.epochs + 1):
            start = time.perf_counter()
            state, metrics = train_epoch(step, state, data, **settings)
            row = _row(epoch, metrics, experiment.batch_size, start)
            run_folder.append(folder / "metrics.jsonl", row)
            bar.update(row)
            if epoch % held_out_every == 0:
                bound = held_out(experiment, state.params, curve_key)
                run_folder.append(
                    folder / "metrics.jsonl", {"data": "test", "epoch": epoch, **bound}
                )
    return state.params


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in CONFIGS:
        print(_unknown(arguments[0]), file=sys.stderr)
        return 2
    try:
        tyro.cli(
            _command(),
            prog="python -m experiments.train",
            args=arguments,
            config=(tyro.conf.CascadeSubcommandArgs, tyro.conf.OmitArgPrefixes),
        )
    except (ValueError, TypeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _command() -> Callable[..., Path]:
    """The function whose signature is the command line: one subcommand for each config."""
    configs = tuple(
        Annotated[Configured, tyro.conf.subcommand(name, constructor=_recorded(config))]
        for name, config in CONFIGS.items()
    )

    def command(config: Any, out: Path | None = None) -> Path:
        return run(config, out)

    command.__annotations__["config"] = functools.reduce(operator.or_, configs)
    command.__doc__ = f"{__doc__}\n{_ARGS}"
    return command


def _recorded(config: Config) -> Callable[..., Configured]:
    """The config, with what it was called with kept beside what it returns."""

    @functools.wraps(config)
    def call(**options: Any) -> Configured:
        return Configured(config.__name__, options, config(**options))

    call.__annotations__ = {**config.__annotations__, "return": Configured}
    return call


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, CONFIGS, n=1)
    suggestion = f" Did you mean '{close[0]}'?" if close else ""
    return f"error: there is no config '{name}'.{suggestion} There are: {', '.join(CONFIGS)}."


def _row(epoch: int, metrics: Metrics, batch_size: int, start: float) -> dict[str, Any]:
    """The means of an epoch; reading them waits for it to end."""
    means = {name: float(values.mean()) for name, values in metrics.items()}
    if not math.isfinite(means["loss"]):
        raise ValueError(f"the loss is {means['loss']} in epoch {epoch}: lower the learning rate.")
    if "bound" not in means:
        means["bound"] = -means["distortion"] - means["rate"]
    seconds = time.perf_counter() - start
    examples = batch_size * len(next(iter(metrics.values())))
    speed = {"seconds": seconds, "examples_per_second": examples / seconds}
    return {"data": "train", "epoch": epoch, **means, **speed}


if __name__ == "__main__":
    sys.exit(main())
